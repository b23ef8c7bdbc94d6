import { MooringError, TimeoutError } from "../errors.ts"
import type { Database, DriverConnection, PoolSettings } from "./dialect.ts"

/** What {@link Pool.stats} tells. */
export interface PoolStats {
  /** Open connections, those being opened included. */
  readonly size: number
  readonly idle: number
  /** Callers in the queue. */
  readonly waiting: number
  /** The most connections that there may be. */
  readonly max: number
}

interface Member {
  readonly connection: DriverConnection
  /** When it is renewed; jittered, so that connections that were opened together are not renewed together. */
  readonly retireAt: number
  idleSince: number
}

interface Waiter {
  resolve(member: Member): void
  reject(error: unknown): void
}

/** A connection that was idle for longer is asked for a sign of life before it is lent; milliseconds. */
const checkAfterIdle = 30_000

/**
 * The connections of one opened database: bounded, lent to one borrower at a time, in the order of asking.
 *
 * The most recently used connection is lent first, so that spare ones grow old and are renewed. Up to
 * `settings.size` stay open when they are returned; `maxOverflow` more are opened under load and closed afterwards.
 */
export class Pool {
  /** The driver's own object. */
  readonly native: unknown
  readonly #database: Database
  readonly #settings: PoolSettings
  readonly #name: string
  readonly #members = new Map<DriverConnection, Member>()
  readonly #idle: Member[] = []
  readonly #waiters: Waiter[] = []
  readonly #closing = new AbortController()
  #opening = 0

  constructor(database: Database, settings: PoolSettings, name: string) {
    this.native = database.engine
    this.#database = database
    this.#settings = settings
    this.#name = name
  }

  get stats(): PoolStats {
    return {
      size: this.#members.size + this.#opening,
      idle: this.#idle.length,
      waiting: this.#waiters.length,
      max: this.#max,
    }
  }

  /**
   * Borrows a connection. The borrower gives it back with {@link release}.
   *
   * @throws MooringError `TIMEOUT` when none is free within the pool's timeout.
   */
  async acquire(signal: AbortSignal): Promise<DriverConnection> {
    for (;;) {
      signal.throwIfAborted()
      const member = this.#idle.pop() ?? (this.#mayOpen() ? await this.#open(signal) : await this.#wait(signal))
      if (await this.#fit(member, signal)) return member.connection
      await this.#discard(member)
    }
  }

  /**
   * Gives a connection back. One that may hold state of its session (`used: "session"`) is made fresh first; one that
   * is broken or too old is closed.
   */
  async release(connection: DriverConnection, used: "statement" | "session"): Promise<void> {
    const member = this.#members.get(connection)
    if (!member) return
    if (used === "session" && connection.usable && !this.#closing.signal.aborted) {
      await connection.reset().catch(() => this.#members.delete(connection))
    }
    const keep = this.#members.has(connection) && connection.usable && Date.now() < member.retireAt
    if (!keep || this.#closing.signal.aborted) return this.#discard(member)
    if (this.#waiters.length === 0 && this.#members.size > this.#settings.size) return this.#discard(member)
    this.#offer(member)
  }

  /** Refuses new borrowers, waits for nobody, and closes what is there. Borrowed connections are closed too. */
  async close(): Promise<void> {
    const reason = new MooringError("ABORTED", `The pool of connection "${this.#name}" was closed.`, {
      connection: this.#name,
    })
    this.#closing.abort(reason)
    for (const waiter of this.#waiters.splice(0)) waiter.reject(reason)
    this.#idle.length = 0
    const members = [...this.#members.keys()]
    this.#members.clear()
    await Promise.allSettled(members.map((connection) => connection.close()))
    await this.#database.close()
  }

  get #max(): number {
    return this.#settings.size + this.#settings.maxOverflow
  }

  #mayOpen(): boolean {
    this.#closing.signal.throwIfAborted()
    return this.#members.size + this.#opening < this.#max
  }

  async #open(signal: AbortSignal): Promise<Member> {
    this.#opening++
    let connection: DriverConnection
    try {
      connection = await this.#database.connect({ signal })
    } catch (error) {
      this.#opening--
      this.#makeUpForLoss()
      throw error
    }
    this.#opening--
    if (this.#closing.signal.aborted) {
      await connection.close().catch(() => undefined)
      throw this.#closing.signal.reason
    }
    // As in HikariCP, up to 2.5 % earlier, so that a pool is not renewed all at once.
    const lifetime = this.#settings.recycle * (1 - 0.025 * Math.random())
    const member: Member = { connection, retireAt: Date.now() + lifetime, idleSince: Date.now() }
    this.#members.set(connection, member)
    return member
  }

  #wait(signal: AbortSignal): Promise<Member> {
    return new Promise((resolve, reject) => {
      const leave = (error: unknown) => {
        const index = this.#waiters.indexOf(waiter)
        if (index >= 0) this.#waiters.splice(index, 1)
        waiter.reject(error)
      }
      const abort = () => leave(signal.reason)
      const { timeout } = this.#settings
      const timer = Number.isFinite(timeout) ? setTimeout(() => leave(this.#exhausted()), timeout) : undefined
      const settle = () => {
        clearTimeout(timer)
        signal.removeEventListener("abort", abort)
      }
      const waiter: Waiter = {
        resolve: (member) => {
          settle()
          resolve(member)
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      }
      signal.addEventListener("abort", abort, { once: true })
      this.#waiters.push(waiter)
    })
  }

  #exhausted(): TimeoutError {
    const seconds = this.#settings.timeout / 1000
    return new TimeoutError(
      `All ${this.#max} connections of "${this.#name}" were busy for ${seconds} s (${this.#waiters.length} callers still wait).`,
      {
        connection: this.#name,
        hint: "Look for sessions that are never disposed of, or raise pool_size, max_overflow or pool_timeout.",
      },
    )
  }

  async #fit(member: Member, signal: AbortSignal): Promise<boolean> {
    if (!member.connection.usable || Date.now() >= member.retireAt) return false
    const idleFor = Date.now() - member.idleSince
    if (!this.#settings.prePing && idleFor < checkAfterIdle) return true
    if (idleFor === 0) return true
    try {
      await member.connection.ping({ signal })
      return true
    } catch (error) {
      if (signal.aborted) {
        await this.#discard(member)
        throw error
      }
      return false
    }
  }

  async #discard(member: Member): Promise<void> {
    this.#members.delete(member.connection)
    this.#makeUpForLoss()
    await member.connection.close().catch(() => undefined)
  }

  /** A connection less: if somebody waits, one is opened for whoever is first by then. */
  #makeUpForLoss(): void {
    if (this.#closing.signal.aborted || this.#waiters.length === 0 || !this.#mayOpen()) return
    this.#open(this.#closing.signal).then(
      (member) => this.#offer(member),
      (error) => this.#waiters.shift()?.reject(error),
    )
  }

  #offer(member: Member): void {
    member.idleSince = Date.now()
    const waiter = this.#waiters.shift()
    if (waiter) waiter.resolve(member)
    else this.#idle.push(member)
  }
}
