import { type Detach, type Flight, SingleFlight } from "../util/single-flight.ts"
import type { Call, Outcome, Sighting } from "./call.ts"
import type { Journal } from "./events.ts"
import type { GuardedStore } from "./guarded-store.ts"
import { flightKey } from "./key.ts"
import { isValid } from "./read-options.ts"
import { type OwnTurn, takeTurn } from "./turns.ts"
import type { WallTimes } from "./wall-times.ts"

/** What {@link Executions} have of their cache. */
interface ExecutionsOptions {
  readonly detach: Detach | undefined
  readonly now: () => number
  readonly wall: WallTimes
  readonly journal: Journal
}

/** The executions that are under way: one for all who ask for the same, in this process and, by turns, among several. */
export class Executions {
  readonly #flights: SingleFlight
  readonly #now: () => number
  readonly #wall: WallTimes
  readonly #journal: Journal

  constructor({ detach, now, wall, journal }: ExecutionsOptions) {
    this.#flights = new SingleFlight({ detach })
    this.#now = now
    this.#wall = wall
    this.#journal = journal
  }

  /**
   * Joins the execution of this key, or begins it.
   *
   * @param found what was seen before: what was begun under another epoch is not joined.
   */
  share<T>(call: Call<T>, found: Sighting<T>): Promise<Outcome<T>> {
    const { key, options, memory, behind } = call
    const epoch = memory.epoch(key)
    const flight = flightKey(key, epoch, found.behind)
    if (options.fresh) this.#flights.forget(flight)
    if (this.#flights.has(flight)) this.#journal.write({ type: "joined", key, connection: options.connection })
    return this.#flights.run<Outcome<T>>(flight, options.signal, (shared) =>
      behind && found.behind !== undefined
        ? this.#beginInTurn(call, behind, found, epoch, shared)
        : this.#begin(call, epoch, shared, { epoch: found.behind }),
    )
  }

  /** Executes, or waits for another process that does. */
  async #beginInTurn<T>(
    call: Call<T>,
    behind: GuardedStore,
    found: Sighting<T>,
    epoch: string,
    flight: Flight,
  ): Promise<Outcome<T>> {
    const { key, options } = call
    const { codec, fresh: force = false } = options
    const isUsable = async (value: T) => !options.validate || isValid(options.validate, value)
    const asked = { key, codec: codec!, known: found.order ?? 0, force, signal: flight.signal, isUsable }
    const turn = await takeTurn(behind, asked)
    const adopted = turn?.entry && this.#wall.entryFrom(turn.entry)
    if (!adopted) return this.#begin(call, epoch, flight, turn?.own ?? { epoch: found.behind })
    this.#journal.write({ type: "joined", key, connection: options.connection })
    const { value, storedAt: begun, order } = adopted
    return { value, begun, epoch, flight, behind: turn.epoch, order, adopted: true, kept: false }
  }

  /** @param turn the epoch in the store behind and, where other processes wait for this, what they wait for. */
  #begin<T>(
    { key, options, work }: Call<T>,
    epoch: string,
    flight: Flight,
    turn: { epoch: string | undefined } & Partial<OwnTurn>,
  ): Promise<Outcome<T>> {
    this.#journal.write({ type: "miss", key, connection: options.connection })
    const begun = this.#now()
    const { epoch: behind, order } = turn
    const done = turn.holding ? turn.holding(() => work(flight.signal)) : work(flight.signal)
    return Promise.resolve(done).then((value) => ({ value, begun, epoch, flight, behind, order, kept: false }))
  }
}
