import type { ConnectGate } from "./connect-gate.ts"
import type { Lifecycle } from "./lifecycle.ts"

/**
 * Where a connection keeps what the registry needs of it. The symbol is the brand of connections: it is the same in
 * every copy of the package, so that a class made with another copy is one of ours.
 */
export const control: unique symbol = Symbol.for("mooring.connection@1") as never

/** What the registry may do with a connection. */
export interface ConnectionControl {
  readonly name: string
  readonly lifecycle: Lifecycle<unknown>
  /** What every attempt to reach the other side passes. */
  readonly gate: ConnectGate
  /** Joins or begins the connect. */
  connect(signal?: AbortSignal): Promise<void>
  /** Has left the registry: what is open is released when its users are done, the handle stays usable. */
  evicted(): void
  /** Has entered the registry. */
  registered(entry: RegistryEntry): void
  /** The content of its section is another: connects anew, and never serves what was cached under the old one. */
  sectionChanged(): void
  /** Releases what is open; the handle stays usable. */
  release(timeout: number): Promise<void>
  /** Makes the handle unusable. */
  close(timeout: number): Promise<void>
}

/** Anything that has a {@link ConnectionControl}. */
export interface Controlled {
  readonly [control]: ConnectionControl
}

/** The place of one connection object. */
export interface RegistryEntry {
  /** The identity: name, type, options, session. */
  readonly key: string
  /** The same without what counts by identity only, to notice connections that pile up. */
  readonly dataKey: string
  readonly name: string
  readonly typeKey: string
  readonly connectionClass: { readonly name: string }
  readonly session: string | undefined
  readonly connection: Controlled
}

/** True for an object that extends BaseConnection, of this or another copy of the package. */
export function isConnection(value: unknown): value is Controlled {
  return typeof value === "object" && value !== null && control in value
}
