import type { ConnectGate } from "../core/index.ts"
import { abortable, linkSignals, withDeadline } from "../util/abort.ts"
import type { Database, DriverConnection } from "./dialect.ts"
import type { Places } from "./places.ts"

/** How long a connect may take; milliseconds. */
export const connectTimeout = 10_000
/** How long a connection may take to say goodbye, to be made fresh, or to give a sign of life; milliseconds. */
export const grace = 5_000

/** A place taken from before its connection is opened until after it is closed. */
export interface Place {
  /** Nobody waits for its attempt any more: it is freed when that has ended. */
  abandoned: boolean
}

/** A physical connection and its place. */
export interface Opened {
  readonly connection: DriverConnection
  readonly place: Place
}

/** What an {@link Opener} works with. */
export interface OpenerParts<M extends Opened> {
  readonly database: Database
  /** The connection's, for messages. */
  readonly name: string
  /** The most connections that there may be, those of other pools included. */
  readonly max: number
  readonly places: Places
  /** What each connect passes; absent where there is no server that could be out of reach. */
  readonly gate?: ConnectGate | undefined
  /** Aborts when the pool closes. */
  readonly closing: AbortSignal
  /** Told of each connection as soon as there is one, so that the closing of the pool finds it. */
  join(opened: Opened): M
  /** Nobody waits for this one any more. */
  late(member: M): void
}

/** Opens and closes the physical connections of one pool, each in a place. */
export class Opener<M extends Opened> {
  readonly #parts: OpenerParts<M>
  readonly #places = new Set<Place>()
  /** Connections that are being opened or closed. */
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(parts: OpenerParts<M>) {
    this.#parts = parts
  }

  /** Open connections, with those that are being opened or closed. */
  get size(): number {
    return this.#places.size
  }

  /** A place, if there is one. */
  take(): Place | undefined {
    if (!this.#parts.places.take(this.#parts.max)) return undefined
    const place: Place = { abandoned: false }
    this.#places.add(place)
    return place
  }

  /**
   * Opens a connection in this place, when it is its turn. After a failure the place is free again.
   *
   * @param onFailure called before that.
   */
  async open(place: Place, signal: AbortSignal, onFailure?: (error: unknown) => void): Promise<M> {
    const { gate, closing } = this.#parts
    const link = linkSignals({ signal: [signal, closing] }, "")
    const dial = () => this.#dial(place, link.signal)
    try {
      return await this.#track(gate ? gate.pass(dial, link.signal, this) : dial())
    } catch (error) {
      onFailure?.(error)
      if (!place.abandoned) this.#free(place)
      throw error
    } finally {
      link.dispose()
    }
  }

  /** Closes a connection and frees its place. */
  close({ connection, place }: Opened): Promise<void> {
    return this.#track(closed(connection).then(() => this.#free(place)))
  }

  /** Resolves when nothing is being opened or closed, or has been given long enough. */
  async settled(): Promise<void> {
    await withinGrace(Promise.allSettled([...this.#underWay]))
  }

  async #dial(place: Place, signal: AbortSignal): Promise<M> {
    const { name } = this.#parts
    const late = `Connection "${name}" could not be made within ${connectTimeout / 1000} s.`
    const link = linkSignals({ signal, timeout: connectTimeout, connection: name }, late)
    const connecting = this.#track(this.#connect(place, link.signal))
    try {
      return await abortable(connecting, link.signal)
    } catch (error) {
      if (link.signal.aborted) this.#abandon(place, connecting)
      throw error
    } finally {
      link.dispose()
    }
  }

  async #connect(place: Place, signal: AbortSignal): Promise<M> {
    const connection = await this.#parts.database.connect({ signal })
    if (!this.#parts.closing.aborted && this.#places.has(place)) return this.#parts.join({ connection, place })
    await closed(connection)
    throw signal.reason
  }

  /** Nobody waits for this attempt any more: what still comes of it is for others, and its place is not kept for ever. */
  #abandon(place: Place, connecting: Promise<M>): void {
    place.abandoned = true
    const timer = setTimeout(() => this.#free(place), grace)
    timer.unref()
    connecting
      .then(
        (member) => this.#parts.late(member),
        () => this.#free(place),
      )
      .finally(() => clearTimeout(timer))
  }

  #free(place: Place): void {
    if (this.#places.delete(place)) this.#parts.places.give()
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const forget = () => this.#underWay.delete(work)
    this.#underWay.add(work)
    work.then(forget, forget)
    return work
  }
}

/** Resolves when the connection is closed, or has been given long enough. */
async function closed(connection: DriverConnection): Promise<void> {
  const closing = (async () => connection.close())()
  await withinGrace(closing.catch(() => undefined))
}

async function withinGrace(work: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, grace)
  timer.unref()
  await Promise.race([work, late])
  clearTimeout(timer)
}

/** True once the next borrower will find a fresh session. One that does not answer is not waited for. */
export async function isRenewed(connection: DriverConnection): Promise<boolean> {
  const late = "A connection could not be made fresh in time."
  return withDeadline({ timeout: grace }, late, () => connection.reset()).then(
    () => true,
    () => false,
  )
}
