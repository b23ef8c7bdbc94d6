import type { EventEmitter } from "node:events"
import type { Socket } from "node:net"
import type { DriverPackage } from "../../dialect.ts"
import { importDriver } from "../../import-driver.ts"
import type { TypedParameter } from "./params.ts"
import type { Zone } from "./zone.ts"

/** The slice of `mysql2` that is used: its login, its framing and its commands, not its rows. */
export interface Mysql2 {
  createConnection(config: ConnectionConfig): Connection
  /** From 3.24 on. */
  readonly TypedParameter?: TypedParameter
}

/** What `mysql2` takes. It complains on the console of what it does not know. */
export interface ConnectionConfig {
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
  readonly user: string
  readonly password?: string
  readonly database?: string
  readonly ssl?: TlsConfig
  readonly stream?: () => Socket
  readonly connectTimeout: number
  readonly [other: string]: unknown
}

/** What `mysql2` takes of TLS. */
export interface TlsConfig {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly rejectUnauthorized: boolean
  /** Whether the certificate has to be for the host. */
  readonly verifyIdentity: boolean
}

/** The server's first packet. */
export interface Handshake {
  /** `8.4.3`, `5.5.5-10.11.19-MariaDB`. */
  readonly serverVersion: string
}

/** `mysql2`'s connection. Emits `error` when the link breaks while nothing runs. */
export interface Connection extends EventEmitter {
  readonly stream: Socket
  /** What KILL takes. */
  readonly threadId: number | null
  /** Given what comes. `mysql2` looks it up each time, so that it may be replaced. */
  packetParser: PacketParser
  /** Where packets are compressed, that of their content. */
  _inflatedPacketsParser?: PacketParser
  /** The number of the next packet. */
  sequenceId: number
  /** The command that runs, and its method that takes the next packet. */
  readonly _command?: { readonly next?: { readonly name: string } | null } | null
  readonly _mariadbExtendedMetadata?: boolean
  /** What the server said that it can. */
  readonly serverCapabilityFlags?: number
  readonly config?: { readonly authPlugins?: object }
  connect(callback: (error: Error | null, handshake?: Handshake) => void): void
  /** Prepares a statement, and keeps it. One that is kept is given at once. */
  prepare(sql: string, callback: (error: Error | null, prepared?: Prepared) => void): unknown
  /** Runs a statement by the text protocol. */
  query(statement: { readonly sql: string }, callback: Answered): Command
  /** Forgets a kept statement, here and at the server. */
  unprepare(sql: string): unknown
  ping(callback: (error?: Error | null) => void): unknown
  /** COM_RESET_CONNECTION: forgets prepared statements, too. */
  reset(callback: (error?: Error | null) => void): unknown
  end(callback?: (error?: Error) => void): unknown
}

/** Cuts bytes into packets, and gives them to the command that runs. */
export interface PacketParser {
  execute(chunk: Buffer): unknown
}

/** A statement that the server has prepared. */
export interface Prepared {
  /** One for each placeholder. */
  readonly parameters: readonly unknown[]
  execute(values: unknown[], callback: Answered): Command
}

/**
 * Hears of the end of a statement. `rows` is the answer of a statement without rows, an array for one with rows, and an
 * array of such for several results.
 */
export type Answered = (error: Error | null, rows?: unknown, fields?: unknown) => void

/** A command that waits or runs. What makes the parser of rows may be replaced before it runs. */
export interface Command {
  buildParserFromFields?: (fields: readonly ColumnDefinition[]) => new () => RowParser
  /** Where `mysql2` puts what the parser gives. */
  _currentRows: { push(row: unknown): unknown } | null
}

/** Takes one packet at a time. What it throws ends the link. */
export interface RowParser {
  next(packet: RowPacket): unknown
}

/** A packet with one row: the bytes of `buffer` from `offset` to `end`. Good until `next` returns. */
export interface RowPacket {
  readonly buffer: Buffer
  readonly offset: number
  readonly end: number
}

/** What the server says of a column. */
export interface ColumnDefinition {
  readonly name: string
  /** One of MYSQL_TYPE_…. */
  readonly columnType: number
  /** Bits: 32 is unsigned, 128 is binary. */
  readonly flags: number
  /** Number of the collation; 63 is binary. */
  readonly characterSet: number
  /** In bytes. */
  readonly columnLength: number
  readonly decimals: number
  /** Ours: the zone of the clock that the column's times are from, where it is not UTC's. */
  readonly zone?: Zone
  /** MariaDB: `uuid`, `inet6`, `point`. */
  readonly extendedTypeName?: string
  /** MariaDB: `json`. */
  readonly extendedFormat?: string
}

/** The answer to a statement without rows. */
export interface OkPacket {
  readonly affectedRows: number | string
  /** A text where it is no safe integer. */
  readonly insertId: number | string
  /** Bits of the server's status. */
  readonly serverStatus?: number
  readonly stateChanges?: {
    readonly systemVariables: Readonly<Record<string, string>>
    /** The database that the session is in now. */
    readonly schema: string | null
  }
}

export const driverPackage: DriverPackage = {
  package: "mysql2",
  // The first that binds integers as integers, which MySQL wants after LIMIT. From 3.22 on a reset forgets what was prepared.
  range: ">=3.24",
  aliases: ["pymysql", "mysqldb", "mysqlconnector", "aiomysql", "asyncmy", "mariadbconnector", "cymysql"],
}

/** What a configuration has that nobody may see. */
const secrets: readonly string[] = ["password", "password1", "password2", "password3", "passwordSha1", "ssl"]

/** Printing a connection shows where it leads, and no password. */
export function conceal(raw: Connection, place: string): void {
  const inspect = () => `mysql2 connection ${raw.threadId ?? ""} to ${place}`
  Object.defineProperty(raw, Symbol.for("nodejs.util.inspect.custom"), { value: inspect, configurable: true })
  const { config = {} } = raw
  for (const name of secrets)
    if (Object.hasOwn(config, name)) Object.defineProperty(config, name, { enumerable: false })
}

/** Loads `mysql2`. */
export async function loadMysql2(projectDir: string): Promise<Mysql2> {
  const loaded = await importDriver(driverPackage, () => import("mysql2"), projectDir)
  return loaded.default as unknown as Mysql2
}
