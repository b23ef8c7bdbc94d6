import { MooringError } from "../../../errors.ts"
import type { Dialect, TransactionOptions } from "../../dialect.ts"
import { sqliteSyntax } from "../../syntaxes.ts"
import { classify } from "./classify.ts"
import { sourceOf, urlKeys } from "./location.ts"
import { allowWrites, beginWriting } from "./protocol.ts"

/** SQLite, through the runtime's own `node:sqlite` in processes of its own: nothing to install. */
export const sqlite: Dialect = {
  name: "sqlite",
  aliases: ["sqlite3"],
  capabilities: { errorAbortsTransaction: false, embedded: true },
  syntax: sqliteSyntax,
  urlKeys,
  settings: {
    busy_timeout: {
      type: "duration",
      description: "How long a statement waits for a lock of somebody else (5 s).",
      tuning: true,
    },
    foreign_keys: {
      type: "boolean",
      description: "Whether foreign keys are enforced (true).",
      tuning: true,
    },
    journal_mode: {
      type: "text",
      description: "Set when the connection first writes (wal); `unchanged` leaves the file's own.",
      oneOf: ["wal", "delete", "truncate", "persist", "memory", "off", "unchanged"],
      tuning: true,
    },
    read_only: {
      type: "boolean",
      description: "Whether the file may only be read, by execute() and sessions too (false).",
      tuning: true,
    },
    synchronous: {
      type: "text",
      description: "How hard a commit waits for the disk (full).",
      oneOf: ["off", "normal", "full", "extra"],
      tuning: true,
    },
  },
  // By declared type; where none is declared, and where the values are others, the values decide.
  types: {
    INTEGER: "int64",
    REAL: "float64",
    TEXT: "utf8",
    BLOB: "binary",
    BOOLEAN: "bool where all values are 0 or 1, else int64",
    NUMERIC: "float64 where that is exact, else int64",
    DECIMAL: "float64 where that is exact, else int64",
    JSON: "utf8 (arrow.json)",
    DATE: "as stored: utf8, int64 or float64",
    DATETIME: "as stored: utf8, int64 or float64",
    TIMESTAMP: "as stored: utf8, int64 or float64",
    "an expression": "as its values: int64, float64, utf8 or binary; only NULLs: utf8",
    "a mixture": "float64 for numbers where that is exact, else a union of int64, float64, utf8, binary",
  },
  source: sourceOf,
  // Loaded here: processes and the reading of rows are for programs that open a database.
  open: async (config) => (await import("./database.ts")).openDatabase(config),
  begin({ isolation, readOnly }: TransactionOptions): readonly string[] {
    if (isolation !== undefined && isolation !== "serializable") {
      throw new MooringError("UNSUPPORTED", `SQLite has no isolation level ${JSON.stringify(isolation)}.`, {
        hint: 'Its transactions are always serializable: leave isolation out, or give "serializable".',
      })
    }
    if (readOnly) return ["PRAGMA query_only = ON", "BEGIN"]
    return [allowWrites, beginWriting]
  },
  classify,
  kysely: ({ SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler }) => ({
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  }),
}
