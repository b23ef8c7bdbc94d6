import type { Dialect } from "../dialect.ts"
import { duckdb } from "./duckdb/index.ts"
import { mysql } from "./mysql/index.ts"
import { postgres } from "./postgres/index.ts"
import { sqlite } from "./sqlite/index.ts"

/** The dialects that come with Mooring. Each loads its driver when a connection is opened. */
export const dialects: readonly Dialect[] = [duckdb, mysql, postgres, sqlite]
