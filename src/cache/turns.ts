import { sleep } from "../util/abort.ts"
import type { CacheKey, Codec, Entry, StoreLease } from "./contract.ts"
import type { GuardedStore } from "./guarded-store.ts"

/** The turn of this process to execute. */
export interface OwnTurn {
  readonly epoch: string
  readonly order: number
  /** Runs the work and renews the lease meanwhile; releases it where the work fails. */
  holding<T>(work: () => T | PromiseLike<T>): Promise<T>
}

/** What waiting for a turn ends with: it, or another process' answer and its epoch. */
export type TurnOutcome<V> =
  | { readonly own: OwnTurn; readonly entry?: undefined }
  | { readonly entry: Entry<V>; readonly epoch: string; readonly own?: undefined }

/** Whose turn it is to execute. */
export interface TurnRequest<V> {
  readonly key: CacheKey
  readonly codec: Codec<V>
  /** The order of what was seen stored and is not good enough. */
  readonly known: number
  /** Waits for nobody. */
  readonly force: boolean
  /** Whether another process' answer can be used. */
  isUsable(value: V): Promise<boolean>
  readonly signal: AbortSignal
}

/** Executions of others that a caller waits for before it begins its own: they may fail, die, or give what is no use. */
const mostHolders = 2

/**
 * One execution among all processes: waits until it is this one's turn, or until another has stored its answer. Like
 * one who joins in this process, the caller takes that answer whatever its age.
 *
 * Looks again after a tenth of the time that it has waited, 5–250 ms, so that an answer is found at most a tenth later
 * than it was there.
 *
 * @returns undefined when the store does not do this, or cannot be asked: then everybody executes.
 */
export async function takeTurn<V>(store: GuardedStore, request: TurnRequest<V>): Promise<TurnOutcome<V> | undefined> {
  const { key, codec, force, signal } = request
  const begun = performance.now()
  const holders = new Set<string>()
  let useless = 0
  let { known } = request
  for (;;) {
    const alone = force || holders.size > mostHolders || useless > mostHolders
    const turn = await store.turn(key, known, alone)
    if (!turn) return undefined
    if (turn.state === "yours") {
      const { epoch, order, lease } = turn
      return { own: { epoch, order, holding: (work) => hold(lease, work) } }
    }
    if (turn.state === "newer") {
      const look = await store.look(key, codec, undefined)
      if (!look) return undefined
      if (look.entry && (await request.isUsable(look.entry.value))) return { entry: look.entry, epoch: look.epoch }
      // It is there, and cannot be read or used.
      useless++
      known = Math.max(known, look.order)
      continue
    }
    holders.add(turn.holder)
    const tenth = Math.min(Math.max((performance.now() - begun) / 10, 5), 250)
    await sleep(tenth * (0.75 + Math.random() / 2), signal)
  }
}

async function hold<T>(lease: StoreLease, work: () => T | PromiseLike<T>): Promise<T> {
  const heartbeat = setInterval(() => void lease.renew(), lease.renewEvery)
  heartbeat.unref()
  try {
    return await work()
  } catch (error) {
    void lease.release()
    throw error
  } finally {
    clearInterval(heartbeat)
  }
}
