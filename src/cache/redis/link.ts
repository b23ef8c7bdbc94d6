import { MooringError } from "../../errors.ts"
import { importPackage, type OptionalPackage } from "../../util/import-package.ts"
import { Breaker } from "./breaker.ts"
import type { RedisTarget } from "./options.ts"
import type { Script } from "./scripts.ts"

/** The client that talks to Redis and Valkey: node-redis. */
export const redisPackage: OptionalPackage = {
  package: "redis",
  range: ">=5",
  purpose: "talks to the cache in Redis or Valkey",
}

/** What a server answers: texts and bytes as buffers. */
export type Reply = Buffer | string | number | null | Reply[]

/** What is used of a client of node-redis. */
interface Client {
  connect(): Promise<unknown>
  sendCommand(args: readonly (string | Buffer)[], options: object): Promise<Reply>
  on(event: "error" | "end", listener: (error?: unknown) => void): unknown
  unref(): void
  close(): Promise<void>
  destroy(): void
}

/** Answers of RESP's bulk strings as bytes; by default they would be decoded as UTF-8. */
const asBytes = { typeMapping: { 36: Buffer } }

/** Bytes in a second that even a slow network carries, so that a large value is not taken for silence. */
const slowest = 20_000_000

const noop = (): void => undefined

/**
 * One connection to the server, made when it is first needed and again when it was lost.
 *
 * Every operation has its deadline. One that is lost or late rejects, and so does every one while the server is known
 * to be down; node-redis itself neither reconnects nor keeps anything for later. The socket does not keep the process
 * alive; the deadlines of operations under way do.
 */
export class RedisLink {
  readonly #target: RedisTarget
  readonly #breaker: Breaker
  #client: Promise<Client> | undefined
  #bytesUnderWay = 0
  #lastProblem = "no attempt was made"

  constructor(target: RedisTarget, breaker: Breaker = new Breaker()) {
    this.#target = target
    this.#breaker = breaker
  }

  /** @param bytes how many will go over the wire, where it is many. */
  async command(args: readonly (string | Buffer)[], bytes = 0): Promise<Reply> {
    const client = await this.#ready()
    this.#bytesUnderWay += bytes
    const allowed = this.#target.timeout + (this.#bytesUnderWay / slowest) * 1000
    try {
      const reply = await within(allowed, () => this.#late(client), client.sendCommand(args, asBytes))
      this.#breaker.answered()
      return reply
    } catch (error) {
      throw this.#problem(error)
    } finally {
      this.#bytesUnderWay -= bytes
    }
  }

  /** Runs a script, which the server keeps by its digest. */
  async script(script: Script, keys: readonly string[], args: readonly (string | Buffer)[], bytes = 0): Promise<Reply> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await this.command(["EVALSHA", script.digest, ...rest], bytes)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes("NOSCRIPT")) throw error
      return this.command(["EVAL", script.text, ...rest], bytes)
    }
  }

  /** Lets the connection go; the next operation makes a new one. */
  async close(): Promise<void> {
    const opened = this.#client
    this.#client = undefined
    const client = await opened?.catch(noop)
    if (!client) return
    await within(this.#target.timeout, noop, client.close()).catch(noop)
    client.destroy()
  }

  async #ready(): Promise<Client> {
    if (!this.#breaker.isOpen) {
      const giveUp = () => this.#breaker.refused()
      return within(this.#target.connectTimeout, giveUp, this.#client ?? this.#connect())
    }
    // Whoever comes now does not wait to see whether it is back.
    if (!this.#client && this.#breaker.mayProbe()) void this.#connect().catch(noop)
    throw this.#problem(new Error(this.#lastProblem))
  }

  #connect(): Promise<Client> {
    const opening = this.#dial()
    this.#client = opening
    opening.then(
      () => this.#breaker.answered(),
      () => {
        this.#breaker.refused()
        if (this.#client === opening) this.#client = undefined
      },
    )
    return opening
  }

  async #dial(): Promise<Client> {
    try {
      const { createClient } = await importPackage(redisPackage, () => import("redis"))
      const { connectTimeout } = this.#target
      const client = createClient(await this.#clientOptions()) as unknown as Client
      client.on("error", () => this.#lost(client))
      client.on("end", () => this.#lost(client))
      client.unref()
      try {
        // A process that is stopped still has its connections accepted: only an answer tells that it lives.
        const opening = client.connect().then(() => client.sendCommand(["PING"], asBytes))
        await within(connectTimeout, noop, opening)
        return client
      } catch (error) {
        client.destroy()
        throw error
      }
    } catch (error) {
      throw this.#problem(error)
    }
  }

  async #clientOptions(): Promise<object> {
    const { place, tls, username, password, database, connectTimeout } = this.#target
    const secret = typeof password === "function" ? await password() : password
    return {
      // The older protocol has all that is needed, and servers behind proxies may know no other.
      RESP: 2,
      name: "mooring",
      disableOfflineQueue: true,
      maintNotifications: "disabled",
      ...(username !== undefined && { username }),
      ...(secret !== undefined && { password: secret }),
      ...(database > 0 && { database }),
      socket: { ...place, ...(tls && { tls: true, ...tls }), connectTimeout, reconnectStrategy: false },
    }
  }

  #late(client: Client): void {
    if (!this.#breaker.silent()) return
    this.#lost(client)
    client.destroy()
  }

  #lost(client: Client): void {
    const held = this.#client
    void held?.then((current) => {
      if (current === client && this.#client === held) this.#client = undefined
    }, noop)
  }

  #problem(error: unknown): MooringError {
    if (error instanceof MooringError) return error
    const { code, message } = error as { code?: unknown; message?: string }
    const { password, shown } = this.#target
    const told = message || String(code ?? error)
    const said = typeof password === "string" && password !== "" ? told.replaceAll(password, "…") : told
    this.#lastProblem = said
    return new MooringError("CACHE", `The cache at ${shown} could not be used: ${said}`, {
      hint: "Queries go on without it. Look at the server, and at url, username and password under [mooring.cache].",
    })
  }
}

/** The promise's answer, or an error after `ms`; what it answers later is dropped. */
function within<T>(ms: number, late: () => void, promise: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(
      () => {
        reject(new Error(`no answer within ${Math.round(ms)} ms`))
        late()
      },
      Math.min(ms, 2 ** 31 - 1),
    )
    const done = () => clearTimeout(timer)
    promise.finally(done).then(resolve, reject)
  })
}
