import type { EventEmitter } from "node:events"
import type { Socket } from "node:net"
import type { ConnectionOptions } from "node:tls"
import type { DriverPackage } from "../../dialect.ts"
import { importDriver } from "../../import-driver.ts"

/** The slice of `pg` that is used: its client for the handshake and everything asynchronous, not its rows. */
export interface Pg {
  readonly Client: new (config: ClientConfig) => Client
  readonly Connection: new (config: WireConfig) => Wire
}

/** How the socket is made. */
export interface WireConfig {
  readonly ssl?: ConnectionOptions | false
  readonly keepAlive?: boolean
  readonly keepAliveInitialDelayMillis?: number
}

/** What `pg` takes; its own environment variables are read before, so that they are known to the cache's key. */
export interface ClientConfig {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly password: string | (() => string | Promise<string>)
  readonly ssl: ConnectionOptions | false
  readonly options?: string
  readonly application_name?: string
  readonly fallback_application_name?: string
  readonly statement_timeout?: number
  readonly enableChannelBinding?: boolean
  readonly connection: Wire
  readonly [other: string]: unknown
}

/** `pg`'s client. Emits `error` when the link breaks while nothing runs. */
export interface Client extends EventEmitter {
  readonly processID: number | null
  readonly secretKey: number | null
  connect(): Promise<unknown>
  /** Runs anything that has `submit`, in its turn. */
  query(submittable: Submittable): unknown
  getStartupConf(): Record<string, string>
  end(): Promise<void>
  readonly connection: Wire
  ref(): void
  unref(): void
}

/** `pg`'s protocol connection: emits a message's name with the message. */
export interface Wire extends EventEmitter {
  stream: Socket
  connect(port: number | string, host?: string): void
  requestSsl(): void
  cancel(processID: number, secretKey: number): void
  attachListeners(stream: EventEmitter): void
}

/** What `pg` asks of a query object. */
export interface Submittable {
  /** Called when it is this one's turn. An error that it returns is given to `handleError`. */
  submit(wire: Wire): Error | null | undefined
  /** An ErrorResponse, or the end of the link. */
  handleError(error: Error): void
  handleReadyForQuery(): void
}

export const driverPackage: DriverPackage = {
  package: "pg",
  range: ">=8.16",
  aliases: ["psycopg2", "psycopg", "asyncpg", "pg8000", "psycopg2cffi"],
}

/** What a caller may have left on a client that he had: the session itself is made fresh by the server. */
export function takeBack(client: Client): void {
  const { connection } = client as { connection: Wire & { parsedStatements?: object } }
  // `pg` would not prepare them again.
  connection.parsedStatements = {}
  for (const event of ["notice", "notification"]) client.removeAllListeners(event)
}

/** Loads `pg`. */
export async function loadPg(projectDir: string): Promise<Pg> {
  const loaded = await importDriver(driverPackage, () => import("pg"), projectDir)
  return loaded.default as unknown as Pg
}
