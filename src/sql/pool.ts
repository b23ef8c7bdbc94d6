import type { ConnectGate } from "../core/index.ts"
import { MooringError, TimeoutError } from "../errors.ts"
import { withDeadline } from "../util/abort.ts"
import type { Database, DriverConnection, PoolSettings } from "./dialect.ts"
import { IdleList } from "./idle-list.ts"
import { grace, isRenewed, type Opened, Opener } from "./opener.ts"
import type { Places, Tenant } from "./places.ts"
import { WaitingLine } from "./waiting-line.ts"

/** What {@link Pool.stats} tells. */
export interface PoolStats {
  /** Open connections, with those that are being opened or closed. */
  readonly size: number
  readonly idle: number
  /** Callers in the queue. */
  readonly waiting: number
  /** The most connections that there may be. */
  readonly max: number
}

/** What pools of one connection have in common, through all its resets. */
export interface PoolHost {
  /** The connection's name, for messages. */
  readonly name: string
  readonly places: Places
  /** What each connect passes; absent where there is no server that could be out of reach. */
  readonly gate?: ConnectGate | undefined
}

interface Member extends Opened {
  /** When it is renewed; jittered, so that connections that were opened together are not renewed together. */
  readonly retireAt: number
  idleSince: number
  lent: boolean
}

/** What a connection that was given back at once gives: no promise of its own. */
const released = Promise.resolve()

/** A connection that was idle for longer is asked for a sign of life before it is lent; milliseconds. */
const checkAfterIdle = 30_000

/**
 * The connections of one opened database: bounded, lent to one borrower at a time, in the order of asking.
 *
 * The most recently used connection is lent first, so that spare ones grow old and are renewed. Up to
 * `settings.size` stay open when they are returned; `maxOverflow` more are opened under load and closed once they have
 * been idle for some seconds.
 */
export class Pool {
  readonly #database: Database
  readonly #settings: PoolSettings
  readonly #host: PoolHost
  readonly #opener: Opener<Member>
  readonly #members = new Map<DriverConnection, Member>()
  readonly #idle: IdleList<Member>
  readonly #waiters = new WaitingLine<Member>()
  readonly #closing = new AbortController()
  readonly #tenant: Tenant
  /** Connections that are being opened for the queue. */
  #filling = 0
  /** What has been idle since before then is asked for a sign of life. */
  #suspectedAt = Number.NEGATIVE_INFINITY
  #closed: Promise<void> | undefined

  constructor(database: Database, settings: PoolSettings, host: PoolHost) {
    this.#database = database
    this.#settings = settings
    this.#host = host
    this.#opener = new Opener({
      database,
      ...host,
      max: this.#max,
      closing: this.#closing.signal,
      join: (opened) => this.#join(opened),
      late: (member) => this.#offer(member),
    })
    this.#idle = new IdleList(
      () => this.#members.size > settings.size,
      (member) => {
        void this.#discard(member)
      },
    )
    const waiters = this.#waiters
    this.#tenant = {
      get waiting() {
        return waiters.length
      },
      fill: () => this.#fill(),
      spare: () => this.#spare(),
    }
    host.places.join(this.#tenant)
  }

  /** The driver's own object. Where a file does not exist yet, undefined. */
  get native(): unknown {
    return this.#database.engine
  }

  get stats(): PoolStats {
    return { size: this.#opener.size, idle: this.#idle.length, waiting: this.#waiters.length, max: this.#max }
  }

  /**
   * Borrows a connection. The borrower gives it back with {@link release}.
   *
   * @throws MooringError `TIMEOUT` when none is free within the pool's timeout, `UNAVAILABLE` when the server has been out
   * of reach for a while.
   */
  async acquire(signal: AbortSignal): Promise<DriverConnection> {
    signal.throwIfAborted()
    this.#closing.signal.throwIfAborted()
    const member = await this.#next(signal)
    member.lent = true
    return member.connection
  }

  /** Borrows a connection that can be lent as it is; undefined where {@link acquire} would look, open or wait. */
  tryAcquire(): DriverConnection | undefined {
    const member = this.#idle.last
    if (member === undefined || !this.#isTrusted(member)) return undefined
    this.#idle.pop()
    member.lent = true
    return member.connection
  }

  /**
   * Gives a connection back. One that may hold state of its session (`used: "session"`) is made fresh first; one that
   * is broken or too old is closed.
   */
  release(connection: DriverConnection, used: "statement" | "session"): Promise<void> {
    const member = this.#members.get(connection)
    if (!member?.lent) return released
    member.lent = false
    if (used === "session") return this.#renew(member)
    this.#takeBack(member)
    return released
  }

  /** One of its connections broke: those that are idle now may be broken too, and are looked at before they are lent. */
  suspect(): void {
    this.#suspectedAt = Date.now()
    this.#host.gate?.doubt()
  }

  /** Refuses new borrowers, waits for nobody, and closes what is there. Borrowed connections are closed too. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const { name, places } = this.#host
    const reason = new MooringError("ABORTED", `The pool of connection "${name}" was closed.`, { connection: name })
    this.#closing.abort(reason)
    this.#waiters.rejectAll(reason)
    this.#idle.takeAll()
    for (const member of [...this.#members.values()]) void this.#discard(member)
    await this.#opener.settled()
    places.leave(this.#tenant)
    await this.#database.close()
  }

  get #max(): number {
    return this.#settings.size + this.#settings.maxOverflow
  }

  async #next(signal: AbortSignal): Promise<Member> {
    let hasWaited = false
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (await this.#isFit(idle, signal)) return idle
      hasWaited = true
      void this.#discard(idle)
    }
    const place = this.#opener.take()
    if (place) return this.#opener.open(place, signal)
    this.#host.places.claim(this.#tenant)
    const { timeout } = this.#settings
    return this.#waiters.wait({ signal, timeout, late: () => this.#exhausted(), first: hasWaited })
  }

  #join(opened: Opened): Member {
    // As in HikariCP, up to 2.5 % earlier, so that a pool is not renewed all at once.
    const lifetime = this.#settings.recycle * (1 - 0.025 * Math.random())
    const member = { ...opened, retireAt: Date.now() + lifetime, idleSince: Date.now(), lent: false }
    this.#members.set(opened.connection, member)
    return member
  }

  #exhausted(): TimeoutError {
    const { name: connection } = this.#host
    const seconds = this.#settings.timeout / 1000
    const still = `(${this.#waiters.length} callers still wait)`
    return new TimeoutError(`All ${this.#max} connections of "${connection}" were busy for ${seconds} s ${still}.`, {
      connection,
      hint: "Look for sessions that are never disposed of, or raise pool_size, max_overflow or pool_timeout.",
    })
  }

  /** Whether it can be lent without being asked for a sign of life. */
  #isTrusted({ connection, retireAt, idleSince }: Member): boolean {
    const now = Date.now()
    const isRecent = now - idleSince < checkAfterIdle && idleSince > this.#suspectedAt
    return isRecent && now < retireAt && connection.usable && !this.#settings.prePing
  }

  async #isFit(member: Member, signal: AbortSignal): Promise<boolean> {
    if (this.#isTrusted(member)) return true
    const { connection, retireAt } = member
    if (Date.now() >= retireAt) return false
    if (!connection.usable) {
      this.suspect()
      return false
    }
    const silent = `A connection of "${this.#host.name}" gave no sign of life.`
    try {
      await withDeadline({ signal, timeout: grace }, silent, (within) => connection.ping({ signal: within }))
      return this.#members.has(connection)
    } catch (error) {
      if (!signal.aborted) {
        this.suspect()
        // Those below have been idle for longer: each would be waited for in turn.
        for (const other of this.#idle.takeAll()) void this.#discard(other)
        return false
      }
      void this.#discard(member)
      throw error
    }
  }

  async #renew(member: Member): Promise<void> {
    const { connection } = member
    if (connection.usable && (await isRenewed(connection))) this.#takeBack(member)
    else if (this.#members.has(connection)) {
      // What made this one unfit may have done so to others.
      this.#suspectedAt = Date.now()
      void this.#discard(member)
    }
  }

  #takeBack(member: Member): void {
    const { connection, retireAt } = member
    if (!this.#members.has(connection)) return
    if (connection.usable && Date.now() < retireAt) this.#offer(member)
    else void this.#discard(member)
  }

  #discard(member: Member): Promise<void> {
    this.#members.delete(member.connection)
    return this.#opener.close(member)
  }

  /** A place may be free: if somebody waits, a connection is opened for whoever is first by then. */
  #fill(): void {
    if (this.#closing.signal.aborted || this.#filling >= this.#waiters.length) return
    const place = this.#opener.take()
    if (!place) {
      this.#host.places.claim(this.#tenant)
      return
    }
    this.#filling++
    const failed = (error: unknown) => {
      this.#filling--
      this.#sendAway(error)
    }
    const made = (member: Member) => {
      this.#filling--
      this.#offer(member)
    }
    this.#opener.open(place, this.#closing.signal, failed).then(made, () => undefined)
  }

  /** The one that was idle longest makes room for another pool. */
  #spare(): boolean {
    const idle = this.#idle.shift()
    if (idle) void this.#discard(idle)
    return idle !== undefined
  }

  /** A connect for those who wait has failed. Without any other connection, nobody could serve them. */
  #sendAway(error: unknown): void {
    if (this.#opener.size > 1) this.#waiters.rejectFirst(error)
    else this.#waiters.rejectAll(error)
  }

  /** Gives a connection to whoever is first in line; without a line, it is idle. */
  #offer(member: Member): void {
    member.idleSince = Date.now()
    if (this.#closing.signal.aborted) void this.#discard(member)
    else if (this.#waiters.serve(member)) return
    else if (this.#host.places.wantedBesides(this.#tenant)) void this.#discard(member)
    else this.#idle.push(member)
  }
}
