import type { Case } from "../case.ts"
import { duckdb } from "./duckdb.ts"
import { cachedHits } from "./hits.ts"
import { importTime } from "./import.ts"
import { postgres, postgresOneRow } from "./postgres.ts"
import { sqlite } from "./sqlite.ts"

export const cases: readonly Case[] = [duckdb, sqlite, postgres, postgresOneRow, cachedHits, importTime]
