import { connect, type Socket } from "node:net"
import { createInterface } from "node:readline"
import { BaseConnection, type UseOptions } from "../../src/index.ts"

/** The keys of a section `[connections.pets]`. */
export interface PetsOptions {
  port: number
  token: string
  [key: string]: unknown
}

type Answer = { value?: unknown; error?: string }

/** One TCP connection to a pets server. */
export class PetsClient {
  /** What `_connect` was given. */
  readonly options: PetsOptions
  readonly #socket: Socket
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #last = 0
  #broken: Error | undefined
  disconnects = 0

  private constructor(socket: Socket, options: PetsOptions) {
    this.options = options
    this.#socket = socket
    const lines = createInterface({ input: socket })
    lines.on("error", () => undefined)
    lines.on("line", (line) => this.#heard(JSON.parse(line)))
    socket.on("error", (error) => this.#break(error))
    socket.on("close", () => this.#break(Object.assign(new Error("the socket was closed"), { code: "ECONNRESET" })))
  }

  static async open(options: PetsOptions, signal: AbortSignal): Promise<PetsClient> {
    const socket = connect({ port: options.port, host: "127.0.0.1" })
    const stop = () => void socket.destroy(signal.reason)
    signal.addEventListener("abort", stop)
    try {
      await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject))
      const client = new PetsClient(socket, options)
      await client.ask("login", options.token)
      socket.unref()
      return client
    } catch (error) {
      socket.destroy()
      throw error
    } finally {
      signal.removeEventListener("abort", stop)
    }
  }

  ask<T = unknown>(...request: readonly string[]): Promise<T> {
    if (this.#broken) return Promise.reject(this.#broken)
    return new Promise<T>((resolve, reject) => {
      const id = ++this.#last
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#socket.ref()
      this.#socket.write(`${JSON.stringify([id, ...request])}\n`)
    })
  }

  close(): Promise<void> {
    this.disconnects++
    return new Promise((resolve) => {
      if (this.#socket.closed) return resolve()
      this.#socket.once("close", () => resolve())
      this.#socket.destroy()
    })
  }

  #heard({ id, value, error }: Answer & { id: number }): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.#socket.unref()
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }

  #break(error: Error): void {
    this.#broken ??= error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** A connection class as an author would write it, with everything that Mooring gives its authors in the open. */
export class PetsConnection extends BaseConnection<PetsClient, PetsOptions> {
  protected _connect(options: PetsOptions, { signal }: { signal: AbortSignal }): Promise<PetsClient> {
    return PetsClient.open(options, signal)
  }

  protected override _disconnect(client: PetsClient): Promise<void> {
    return client.close()
  }

  protected override _ping(client: PetsClient): Promise<unknown> {
    return client.ask("ping")
  }

  /** Who owns a pet; kept for `ttl`. */
  owner(pet: string, ttl: number | string = 0): Promise<string | null> {
    return this._cached(["owner", pet], { ttl }, () => this.ask<string | null>("owner", pet))
  }

  /** One request, tried again after a broken connection. */
  ask<T = unknown>(...request: readonly string[]): Promise<T> {
    return this._use((client) => client.ask<T>(...request), { retry: true })
  }

  /** Any work under a lease. */
  use<T>(work: (client: PetsClient) => T | Promise<T>, options?: UseOptions): Promise<T> {
    return this._use(work, options)
  }

  get client(): Promise<PetsClient> {
    return this._instance
  }

  get section(): Readonly<Record<string, unknown>> {
    return this._secrets
  }
}
