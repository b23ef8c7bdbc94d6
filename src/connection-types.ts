import type { Scope } from "./core/index.ts"
import type { RegisteredConnections } from "./register.ts"
import type { SQLConnection, SqlOptions } from "./sql/index.ts"
import type { Duration } from "./util/duration.ts"

/** What `connection()` keeps for itself. Everything else goes to `_connect`. */
export interface ReservedOptions {
  /** After this the next call makes a new connection. */
  ttl?: Duration
  /** Bounds the connections of this name and type; the oldest goes. */
  maxEntries?: number
  /** Narrows a connection that all share to one session's. */
  scope?: Scope
  /** Puts the connect off to the first use. */
  lazy?: boolean
  /** Ends this caller's wait for the connect. */
  signal?: AbortSignal
  /** The longest wait for the connect. */
  timeout?: Duration
}

/** What `connection()` takes besides a name, where no class says what its options are. */
export interface ConnectionOptions extends ReservedOptions {
  /** A built-in name, a name given to `configure({ types })`, or a module path. */
  type?: string | undefined
  [option: string]: unknown
}

/** What a class must make to be given as `type`. Structural: a class of another copy of the package is one too. */
export interface ConnectionShape {
  readonly connectionName: string
  reset(options?: { timeout?: Duration }): Promise<void>
  close(options?: { timeout?: Duration }): Promise<void>
  isHealthy(options?: { timeout?: Duration }): Promise<boolean>
}

/** A class that may be given as `type`. */
export type AnyConnectionClass = new (name: string, options?: never) => ConnectionShape

/** What may be given as `type`: a name or module path, or a class. */
export type ConnectionType = string | AnyConnectionClass | undefined

/** The options of `connection()` besides `type`, by what was given as `type`. */
export type OptionsOf<Type extends ConnectionType> = ReservedOptions &
  ([Type] extends [new (name: string, options?: infer Options) => unknown]
    ? Options
    : [Type] extends ["sql"]
      ? SqlOptions
      : { [option: string]: unknown })

/**
 * What `connection()` gives: what the given class makes, or what is registered under the name, or what the caller says.
 * One type argument written by hand leaves the other two as wide as they are, so that it decides.
 */
export type ConnectionOf<Said, Name extends string, Type extends ConnectionType> = [Type] extends [AnyConnectionClass]
  ? MadeBy<Type>
  : Name extends keyof RegisteredConnections
    ? RegisteredConnections[Name]
    : [Type] extends ["sql"]
      ? SQLConnection
      : Said

/** What a class makes. `SQLConnection` itself, whose tables nobody described, allows every table. */
type MadeBy<Class extends AnyConnectionClass> =
  InstanceType<Class> extends SQLConnection<unknown>
    ? SQLConnection<unknown> extends InstanceType<Class>
      ? SQLConnection
      : InstanceType<Class>
    : InstanceType<Class>
