import type { Dialect } from "../../index.ts"

/** True for dialects whose database is a file: with a far host given, their data is still on this machine. */
export function isFile(dialect: Dialect): boolean {
  const pool = { size: 1, maxOverflow: 0, timeout: 0, recycle: 0, prePing: false }
  return dialect.source({
    dialect: dialect.name,
    driver: undefined,
    username: undefined,
    password: undefined,
    host: "db.example.com",
    port: undefined,
    database: "database",
    query: {},
    settings: {},
    connectArgs: {},
    pool,
    autocommit: false,
    projectDir: process.cwd(),
  }).local
}
