import { MooringError } from "../../errors.ts"
import { Breaker } from "./breaker.ts"
import { asBytes, type Client, dial, hangUp, loadClient, type MakeClient, type Reply } from "./client.ts"
import type { RedisTarget } from "./options.ts"
import type { Script } from "./scripts.ts"
import { Late, within } from "./within.ts"

/** How often a link that leads to a replica is renewed at most; milliseconds. */
const renewEvery = 1_000

/** Bytes in a second that even a slow network carries, so that a large value is not taken for silence. */
const slowest = 20_000_000

const noop = (): void => undefined

/**
 * One connection to the server, made when it is first needed and again when it was lost.
 *
 * Every operation has its deadline. One that is lost or late rejects, and so does every one while the server is known
 * to be down. The socket does not keep the process alive; the deadlines of operations under way do.
 */
export class RedisLink {
  readonly #target: RedisTarget
  readonly #breaker: Breaker
  #client: Client | undefined
  #opening: Promise<Client> | undefined
  #bytesUnderWay = 0
  /** When the last answer came. */
  #heard = 0
  /** When a link to a replica was last let go. */
  #renewed = Number.NEGATIVE_INFINITY
  #lastProblem = "no attempt was made"

  constructor(target: RedisTarget, breaker: Breaker = new Breaker()) {
    this.#target = target
    this.#breaker = breaker
  }

  /** @param bytes how many will go over the wire, where it is many. */
  async command(args: readonly (string | Buffer)[], bytes = 0): Promise<Reply> {
    const client = this.#client ?? (await this.#connected())
    this.#bytesUnderWay += bytes
    const allowed = this.#target.timeout + (this.#bytesUnderWay / slowest) * 1000
    const sent = performance.now()
    const isBusy = () => this.#heard > Math.max(sent, performance.now() - allowed)
    try {
      const reply = await within(allowed, client.sendCommand(args, asBytes), isBusy)
      this.#heard = performance.now()
      this.#breaker.answered()
      return reply
    } catch (error) {
      if (error instanceof Late && !isBusy() && this.#breaker.silent()) this.#discard(client)
      if (isReadOnly(error)) this.#renew(client)
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
    const client = this.#client
    this.#client = undefined
    void this.#opening?.then((late) => this.#discard(late), noop)
    if (!client) return
    await within(this.#target.timeout, client.close()).catch(noop)
    hangUp(client)
  }

  /** Whoever comes while the server is known to be down does not wait to see whether it is back. */
  async #connected(): Promise<Client> {
    if (this.#breaker.isOpen) {
      if (!this.#opening && this.#breaker.mayProbe()) void this.#open().catch(noop)
      throw this.#problem(new Error(this.#lastProblem))
    }
    try {
      const make = await loadClient()
      return await within(this.#target.connectTimeout, this.#open(make))
    } catch (error) {
      // A password may take longer to fetch than callers wait for it.
      if (error instanceof Late && !this.#breaker.isOpen) this.#breaker.refused()
      throw this.#problem(error)
    }
  }

  /** All who need a connection share one attempt. */
  #open(make?: MakeClient): Promise<Client> {
    this.#opening ??= this.#dial(make).finally(() => (this.#opening = undefined))
    return this.#opening
  }

  async #dial(make: MakeClient | undefined): Promise<Client> {
    let client: Client | undefined
    const lost = () => client && this.#discard(client)
    try {
      client = await dial(make ?? (await loadClient()), this.#target, lost)
      this.#client = client
      this.#breaker.answered()
      return client
    } catch (error) {
      this.#breaker.refused()
      throw this.#problem(error)
    }
  }

  /** The server has become a replica: another link may lead to the one that took over. Not more often than it helps. */
  #renew(client: Client): void {
    const now = performance.now()
    if (now - this.#renewed < renewEvery) return
    this.#renewed = now
    this.#discard(client)
  }

  #discard(client: Client): void {
    if (this.#client === client) this.#client = undefined
    hangUp(client)
  }

  #problem(error: unknown): MooringError {
    if (error instanceof MooringError) return error
    const { code, message } = error as { code?: unknown; message?: string }
    const { password, shown } = this.#target
    const told = message || String(code ?? error)
    const said = typeof password === "string" && password !== "" ? told.replaceAll(password, "…") : told
    this.#lastProblem = said
    return new MooringError("CACHE", `The cache at ${shown} could not be used: ${said}.`, {
      hint: "Queries go on without it. Look at the server, and at url, username and password under [mooring.cache].",
    })
  }
}

/** Redis puts a code before each error; one from inside of a script stands further behind. */
function isReadOnly(error: unknown): boolean {
  return error instanceof Error && /(^|[\s-])READONLY /.test(error.message)
}
