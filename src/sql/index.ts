/**
 * SQL connections, and the contract of dialects for those who write one.
 *
 * @module
 */
export type {
  Capabilities,
  Database,
  Dialect,
  DriverConnection,
  DriverPackage,
  Failure,
  KyselyParts,
  PoolSettings,
  Progress,
  RecordStream,
  RunOptions,
  RunResult,
  Setting,
  Source,
  SqlConfig,
  Statement,
  StreamOptions,
  TransactionOptions,
} from "./dialect.ts"
export { defaultCapabilities } from "./dialect.ts"
export { dialects } from "./dialects/index.ts"
export type {
  CallOptions,
  ExecuteResult,
  QueryOptions,
  ReadCallOptions,
  SqlText,
  StreamCallOptions,
} from "./options.ts"
export type { Params } from "./params.ts"
export type { Pool, PoolStats } from "./pool.ts"
export { Session } from "./session.ts"
export { type RawConnection, SQLConnection } from "./sql-connection.ts"
export type { PoolOptions, SqlOptions } from "./sql-options.ts"
export type { Syntax } from "./syntax.ts"
export { TableStream } from "./table-stream.ts"
export { isSqlFragment, type SqlFragment, sql } from "./template.ts"
export type { Transaction, TransactionCallOptions } from "./transaction.ts"
