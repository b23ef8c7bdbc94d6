import { createRequire } from "node:module"
import { processGlobal } from "../../../util/globals.ts"
import type { DriverPackage } from "../../dialect.ts"
import { importDriver } from "../../import-driver.ts"

/**
 * The optional peer, up to the versions that the tests have passed on: another minor version of DuckDB may have statements
 * that write inside of one that reads.
 *
 * Each version has a tag, as 1.5.6-r.1, and to npm a range holds tagged versions only of the patches that it names.
 */
export const driverPackage: DriverPackage = {
  package: "@duckdb/node-api",
  range: "~1.5.0",
  npmRange: Array.from({ length: 12 }, (_, patch) => `~1.5.${patch}-r.1`).join(" || "),
  install: "~1.5.6-r.1",
  aliases: ["duckdb_engine"],
}

declare const handle: unique symbol
interface Handle<Of extends string> {
  readonly [handle]: Of
}
export type ConnectionHandle = Handle<"connection">
export type ConfigHandle = Handle<"config">
export type ExtractedHandle = Handle<"extracted">
export type PreparedHandle = Handle<"prepared">
export type ResultHandle = Handle<"result">
export type ChunkHandle = Handle<"chunk">
export type VectorHandle = Handle<"vector">
export type LogicalTypeHandle = Handle<"logicalType">
export type ValueHandle = Handle<"value">

/** The part of `@duckdb/node-bindings`, the C interface as functions, that is used here. */
export interface Bindings {
  readonly Type: Readonly<Record<string, number | string>>
  readonly StatementType: Readonly<Record<string, number | string>>
  library_version(): string
  create_config(): ConfigHandle
  set_config(config: ConfigHandle, name: string, value: string): void
  interrupt(connection: ConnectionHandle): void
  query_progress(connection: ConnectionHandle): { percentage: number; rows_processed: bigint }

  query(connection: ConnectionHandle, text: string): Promise<ResultHandle>
  prepare(connection: ConnectionHandle, text: string): Promise<PreparedHandle>
  extract_statements(
    connection: ConnectionHandle,
    text: string,
  ): Promise<{ extracted_statements: ExtractedHandle; statement_count: number }>
  extract_statements_error(extracted: ExtractedHandle): string
  prepare_extracted_statement(
    connection: ConnectionHandle,
    extracted: ExtractedHandle,
    index: number,
  ): Promise<PreparedHandle>
  destroy_prepare_sync(prepared: PreparedHandle): void
  prepared_statement_type(prepared: PreparedHandle): number
  execute_prepared(prepared: PreparedHandle): Promise<ResultHandle>
  execute_prepared_streaming(prepared: PreparedHandle): Promise<ResultHandle>

  nparams(prepared: PreparedHandle): number
  parameter_name(prepared: PreparedHandle, index: number): string
  bind_parameter_index(prepared: PreparedHandle, name: string): number
  bind_value(prepared: PreparedHandle, index: number, value: ValueHandle): void
  create_null_value(): ValueHandle
  create_bool(value: boolean): ValueHandle
  create_int32(value: number): ValueHandle
  create_int64(value: bigint): ValueHandle
  create_hugeint(value: bigint): ValueHandle
  create_uhugeint(value: bigint): ValueHandle
  create_double(value: number): ValueHandle
  create_varchar(value: string): ValueHandle
  create_blob(value: Uint8Array): ValueHandle
  create_timestamp_tz(value: { micros: bigint }): ValueHandle
  create_list_value(elementType: LogicalTypeHandle, values: readonly ValueHandle[]): ValueHandle
  create_logical_type(type: number): LogicalTypeHandle
  create_list_type(element: LogicalTypeHandle): LogicalTypeHandle

  result_return_type(result: ResultHandle): number
  result_statement_type(result: ResultHandle): number
  rows_changed(result: ResultHandle): number
  row_count(result: ResultHandle): number
  column_count(result: ResultHandle): number
  column_name(result: ResultHandle, index: number): string
  column_logical_type(result: ResultHandle, index: number): LogicalTypeHandle
  fetch_chunk(result: ResultHandle): Promise<ChunkHandle | null>
  data_chunk_get_size(chunk: ChunkHandle): number
  data_chunk_get_vector(chunk: ChunkHandle, index: number): VectorHandle

  get_type_id(type: LogicalTypeHandle): number
  logical_type_get_alias(type: LogicalTypeHandle): string | null
  decimal_width(type: LogicalTypeHandle): number
  decimal_scale(type: LogicalTypeHandle): number
  decimal_internal_type(type: LogicalTypeHandle): number
  enum_internal_type(type: LogicalTypeHandle): number
  enum_dictionary_size(type: LogicalTypeHandle): number
  enum_dictionary_value(type: LogicalTypeHandle, index: number): string
  list_type_child_type(type: LogicalTypeHandle): LogicalTypeHandle
  array_type_child_type(type: LogicalTypeHandle): LogicalTypeHandle
  array_type_array_size(type: LogicalTypeHandle): number
  map_type_key_type(type: LogicalTypeHandle): LogicalTypeHandle
  map_type_value_type(type: LogicalTypeHandle): LogicalTypeHandle
  struct_type_child_count(type: LogicalTypeHandle): number
  struct_type_child_name(type: LogicalTypeHandle, index: number): string
  struct_type_child_type(type: LogicalTypeHandle, index: number): LogicalTypeHandle
  union_type_member_count(type: LogicalTypeHandle): number
  union_type_member_name(type: LogicalTypeHandle, index: number): string
  union_type_member_type(type: LogicalTypeHandle, index: number): LogicalTypeHandle

  /** The vector's bytes, copied. Crashes the process on STRUCT, ARRAY, UNION and VARIANT: those have only children. */
  vector_get_data(vector: VectorHandle, bytes: number): Uint8Array<ArrayBuffer>
  /** One bit a row, 1 = valid; null where all are. */
  vector_get_validity(vector: VectorHandle, bytes: number): Uint8Array<ArrayBuffer> | null
  list_vector_get_child(vector: VectorHandle): VectorHandle
  list_vector_get_size(vector: VectorHandle): number
  struct_vector_get_child(vector: VectorHandle, index: number): VectorHandle
  array_vector_get_child(vector: VectorHandle): VectorHandle
  /** Reads a pointer at `offset` of `buffer`, then `bytes` bytes from where it points. */
  get_data_from_pointer(buffer: ArrayBuffer, offset: number, bytes: number): Uint8Array
}

/** `DuckDBConnection`. Its `connection` is the handle that {@link Bindings} take. */
export interface RawConnection {
  readonly connection: ConnectionHandle
  disconnectSync(): void
}

/** `DuckDBInstance`. */
export interface RawInstance {
  connect(): Promise<RawConnection>
  closeSync(): void
}

interface InstanceCache {
  getOrCreateInstance(path: string, options: Record<string, string>): Promise<RawInstance>
}

/** The part of `@duckdb/node-api` that is used here. */
export interface Api {
  readonly DuckDBInstance: { create(path: string, options: Record<string, string>): Promise<RawInstance> }
  readonly DuckDBInstanceCache: new () => InstanceCache
  readonly DuckDBVector: { create(vector: VectorHandle, rows: number): { getItem(row: number): unknown } }
}

/** The driver, loaded. */
export interface Driver {
  readonly api: Api
  readonly bindings: Bindings
  /** Two instances of one file in a process lose each other's writes: only this makes instances of files. */
  readonly cache: InstanceCache
}

/**
 * Loads the driver, once in a process: a handle of one copy of the native module means nothing to another, and the
 * cache of instances is only of use when everybody shares it.
 */
export async function loadDriver(): Promise<Driver> {
  const shared = processGlobal("duckdb@1", () => ({}) as { driver?: Driver })
  if (shared.driver !== undefined) return shared.driver
  const { api, bindings } = await importDriver(driverPackage, async () => {
    const api = (await import("@duckdb/node-api")) as unknown as Api
    // Not a dependency of the user's project but of node-api: strict package managers show it to node-api only.
    const main = createRequire(import.meta.url).resolve("@duckdb/node-api")
    return { api, bindings: createRequire(main)("@duckdb/node-bindings") as Bindings }
  })
  return (shared.driver ??= { api, bindings, cache: new api.DuckDBInstanceCache() })
}
