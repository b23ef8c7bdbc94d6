import type { Told } from "./ledger.ts"

/** What a worker is to do: the main process' first message. */
export interface Orders {
  readonly worker: number
  readonly seed: number
  /** The project's folder, with its secrets. */
  readonly project: string
  /** Connections to servers, which all workers share; the embedded databases are the worker's own. */
  readonly servers: readonly string[]
  /** Where results are shared. */
  readonly redis: string | undefined
}

/** What a worker reports when it has connected to everything, and its work begins. */
export interface Ready {
  readonly type: "ready"
}

/** What a worker reports every few seconds. */
export interface Progress {
  readonly type: "progress"
  readonly done: number
  /** Heap and buffers after a collection. */
  readonly megabytes: number
}

/** What a worker tells at its end. */
export interface Report {
  readonly type: "report"
  /** How often each kind of work was done. */
  readonly work: Readonly<Record<string, number>>
  /** How often each error came, by what identifies it. */
  readonly errors: Readonly<Record<string, number>>
  /** Entries of each server's connection. */
  readonly told: Readonly<Record<string, readonly (readonly [id: string, told: Told])[]>>
  readonly violations: readonly string[]
}
