import type { Reply, Send } from "./protocol.ts"

/** Where the worker of a connection runs: in a child process, or in a thread of this one. */
export interface Transport {
  /** It served another connection before, and may have ended since without this process having heard of it. */
  readonly isReused: boolean
  send(message: Send, transfer: ArrayBuffer[] | undefined): void
  /** The request shall stop at its next row. */
  stop(id: number): void
  /** Ends the worker without waiting for its statement; resolves when nothing of it runs any more, where that is possible. */
  kill(): Promise<void>
  /** Call it after the handles were closed: resolves when the worker has ended, or may be used by another connection. */
  end(): Promise<void>
  /** Keeps the process alive, or does not. */
  ref(): void
  unref(): void
}

/** What a worker reports. */
export interface Listener {
  reply(reply: Reply): void
  /** The worker has ended, and nobody asked for it. */
  lost(cause: unknown): void
}
