import { MooringError, TimeoutError } from "../errors.ts"
import { abortable, linkSignals, withDeadline } from "../util/abort.ts"
import type { Database, DriverConnection, PoolSettings } from "./dialect.ts"
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

/** One of the places of a pool, taken from before its connection is opened until after it is closed. */
type Place = object

interface Member {
  readonly connection: DriverConnection
  readonly place: Place
  /** When it is renewed; jittered, so that connections that were opened together are not renewed together. */
  readonly retireAt: number
  idleSince: number
  lent: boolean
}

/** How long a connect may take; milliseconds. */
export const connectTimeout = 10_000
/** A connection that was idle for longer is asked for a sign of life before it is lent; milliseconds. */
const checkAfterIdle = 30_000
/** How long that sign of life may take, and the end of a connection; milliseconds. */
const grace = 5_000

/**
 * The connections of one opened database: bounded, lent to one borrower at a time, in the order of asking.
 *
 * The most recently used connection is lent first, so that spare ones grow old and are renewed. Up to
 * `settings.size` stay open when they are returned; `maxOverflow` more are opened under load and closed afterwards.
 */
export class Pool {
  readonly #database: Database
  readonly #settings: PoolSettings
  readonly #name: string
  readonly #places = new Set<Place>()
  readonly #members = new Map<DriverConnection, Member>()
  readonly #idle: Member[] = []
  readonly #waiters = new WaitingLine<Member>()
  readonly #closing = new AbortController()
  /** Connections that are being opened or closed: the database is closed after them. */
  readonly #underWay = new Set<Promise<unknown>>()
  #closed: Promise<void> | undefined

  constructor(database: Database, settings: PoolSettings, name: string) {
    this.#database = database
    this.#settings = settings
    this.#name = name
  }

  /** The driver's own object. Where a file does not exist yet, undefined. */
  get native(): unknown {
    return this.#database.engine
  }

  get stats(): PoolStats {
    return { size: this.#places.size, idle: this.#idle.length, waiting: this.#waiters.length, max: this.#max }
  }

  /**
   * Borrows a connection. The borrower gives it back with {@link release}.
   *
   * @throws MooringError `TIMEOUT` when none is free within the pool's timeout.
   */
  async acquire(signal: AbortSignal): Promise<DriverConnection> {
    signal.throwIfAborted()
    this.#closing.signal.throwIfAborted()
    const member = await this.#next(signal)
    member.lent = true
    return member.connection
  }

  /**
   * Gives a connection back. One that may hold state of its session (`used: "session"`) is made fresh first; one that
   * is broken or too old is closed.
   */
  async release(connection: DriverConnection, used: "statement" | "session"): Promise<void> {
    const member = this.#members.get(connection)
    if (!member?.lent) return
    member.lent = false
    const fresh = used === "statement" || (connection.usable && (await succeeds(connection.reset())))
    if (!this.#members.has(connection)) return
    if (fresh && connection.usable && Date.now() < member.retireAt) this.#offer(member)
    else void this.#discard(member)
  }

  /** Refuses new borrowers, waits for nobody, and closes what is there. Borrowed connections are closed too. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const reason = new MooringError("ABORTED", `The pool of connection "${this.#name}" was closed.`, {
      connection: this.#name,
    })
    this.#closing.abort(reason)
    this.#waiters.rejectAll(reason)
    this.#idle.length = 0
    for (const member of [...this.#members.values()]) void this.#discard(member)
    await Promise.allSettled([...this.#underWay])
    await this.#database.close()
  }

  get #max(): number {
    return this.#settings.size + this.#settings.maxOverflow
  }

  async #next(signal: AbortSignal): Promise<Member> {
    const idle = this.#idle.pop()
    if (!idle) return this.#places.size < this.#max ? this.#open(signal) : this.#wait(signal)
    if (await this.#isFit(idle, signal)) return idle
    void this.#discard(idle)
    // In its place another one is opened, for whoever is first in line.
    return this.#wait(signal, true)
  }

  #wait(signal: AbortSignal, first = false): Promise<Member> {
    return this.#waiters.wait({ signal, timeout: this.#settings.timeout, late: () => this.#exhausted(), first })
  }

  async #open(signal: AbortSignal, onFailure?: (error: unknown) => void): Promise<Member> {
    const place: Place = {}
    this.#places.add(place)
    const name = this.#name
    const late = `Connection "${name}" could not be made within ${connectTimeout / 1000} s.`
    const limits = { signal: [signal, this.#closing.signal], timeout: connectTimeout, connection: name }
    const link = linkSignals(limits, late)
    const connecting = this.#track(this.#connect(place, link.signal))
    try {
      return await abortable(connecting, link.signal)
    } catch (error) {
      onFailure?.(error)
      if (link.signal.aborted) this.#abandon(place, connecting)
      else this.#free(place)
      throw error
    } finally {
      link.dispose()
    }
  }

  async #connect(place: Place, signal: AbortSignal): Promise<Member> {
    const connection = await this.#database.connect({ signal })
    if (this.#closing.signal.aborted || !this.#places.has(place)) {
      await closed(connection)
      throw signal.reason
    }
    // As in HikariCP, up to 2.5 % earlier, so that a pool is not renewed all at once.
    const lifetime = this.#settings.recycle * (1 - 0.025 * Math.random())
    const member = { connection, place, retireAt: Date.now() + lifetime, idleSince: Date.now(), lent: false }
    this.#members.set(connection, member)
    return member
  }

  /** Nobody waits for this attempt any more: what still comes of it is for others, and its place is not kept for ever. */
  #abandon(place: Place, connecting: Promise<Member>): void {
    const timer = setTimeout(() => this.#free(place), grace)
    timer.unref()
    connecting
      .then(
        (member) => this.#offer(member),
        () => this.#free(place),
      )
      .finally(() => clearTimeout(timer))
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

  async #isFit(member: Member, signal: AbortSignal): Promise<boolean> {
    const { connection, retireAt, idleSince } = member
    if (!connection.usable || Date.now() >= retireAt) return false
    if (!this.#settings.prePing && Date.now() - idleSince < checkAfterIdle) return true
    const silent = `A connection of "${this.#name}" gave no sign of life.`
    try {
      await withDeadline({ signal, timeout: grace }, silent, (within) => connection.ping({ signal: within }))
      return this.#members.has(connection)
    } catch (error) {
      if (!signal.aborted) return false
      void this.#discard(member)
      throw error
    }
  }

  #discard(member: Member): Promise<void> {
    this.#members.delete(member.connection)
    return this.#track(closed(member.connection).then(() => this.#free(member.place)))
  }

  /** A place less is taken: if somebody waits, a connection is opened for whoever is first by then. */
  #free(place: Place): void {
    if (!this.#places.delete(place)) return
    if (this.#closing.signal.aborted || this.#waiters.length === 0 || this.#places.size >= this.#max) return
    this.#open(this.#closing.signal, (error) => this.#sendAway(error)).then(
      (member) => this.#offer(member),
      () => undefined,
    )
  }

  /** A connect for those who wait has failed. Without any other connection, nobody could serve them. */
  #sendAway(error: unknown): void {
    if (this.#places.size > 1) this.#waiters.rejectFirst(error)
    else this.#waiters.rejectAll(error)
  }

  /** Gives a connection to whoever is first in line; without a line, overflow is closed. */
  #offer(member: Member): void {
    member.idleSince = Date.now()
    if (this.#closing.signal.aborted) void this.#discard(member)
    else if (this.#waiters.serve(member)) return
    else if (this.#members.size > this.#settings.size) void this.#discard(member)
    else this.#idle.push(member)
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const forget = () => this.#underWay.delete(work)
    this.#underWay.add(work)
    work.then(forget, forget)
    return work
  }
}

function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  )
}

/** Resolves when the connection is closed, or has been given long enough. */
async function closed(connection: DriverConnection): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, grace)
  timer.unref()
  const closing = (async () => connection.close())()
  await Promise.race([closing.catch(() => undefined), late])
  clearTimeout(timer)
}
