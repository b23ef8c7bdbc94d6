import type { MoreOptions } from "../support/databases.ts"
import type { Servers } from "../support/servers.ts"
import { mariadbFaultServer } from "./mariadb-server.ts"
import { postgresFaultServer } from "./postgres-server.ts"

/** Where a client connects to: the server, or a proxy before it. */
export interface Place {
  readonly host: string
  readonly port: number
}

/** Who logs in. */
export interface Login {
  readonly username: string
  readonly password: string
  readonly database: string
}

/** A real server of one test file's own, which can be hurt. */
export interface FaultServer {
  readonly place: Place
  readonly login: Login
  readonly version: string
  /** Runs one statement as somebody who may do everything, on a link of its own. Gives its rows. */
  admin(sql: string): Promise<Record<string, unknown>[]>
  /** How many sessions there are besides those of {@link admin}. */
  sessions(): Promise<number>
  /** Ends all of these sessions from the server's side; gives how many. */
  endSessions(): Promise<number>
  /** Ends the server at once, as `kill -9` of all its processes. */
  kill(): Promise<void>
  /** Starts it again, and waits until it answers. */
  start(): Promise<void>
  /** Stops all its processes where they are: links stay open, and nothing is answered. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Who may do everything, and has to say a password. */
  readonly guarded: string
  /** From now on, only this password lets {@link guarded} in. */
  setPassword(password: string): Promise<void>
  /** Ends the server, and removes its data. */
  dispose(): Promise<void>
}

/** One kind of server: everything that the tests know of it. */
export interface FaultServerKind {
  /** Why it cannot run here, as a sentence. */
  missing(): string | undefined
  /** The one of the run's folders that its data is in: what a run left behind that was killed is found there. */
  readonly folder: keyof Servers
  /** In a new folder below `parent`. */
  start(parent: string): Promise<FaultServer>
  /** Options for a link without TLS, on which each byte is one of the conversation. */
  readonly plain: MoreOptions
  /** A statement that reads one row, after so many seconds. */
  sleep(seconds: number): string
}

/** The kinds of servers, by the name of the dialect: a new dialect is one more entry. */
export const faultServers = {
  postgresql: postgresFaultServer,
  mariadb: mariadbFaultServer,
} as const satisfies Record<string, FaultServerKind>

/** The name of a kind of server. */
export type FaultDialect = keyof typeof faultServers
