import { warnOnce } from "../util/warn.ts"
import { control, type RegistryEntry } from "./control.ts"

/** setTimeout turns longer waits into none. */
const longestTimer = 2 ** 31 - 1

/** Begins the type key of a class that has none of its own; its identity follows. */
export const anonymousType = "class "

/** A connection object in the registry, since when, and what takes it out again. */
interface Place {
  readonly entry: RegistryEntry
  /** Milliseconds of `performance.now()`. */
  since: number
  timer?: NodeJS.Timeout
}

/** The connection objects of one environment: one per identity, the oldest first. */
export class Registry {
  readonly #places = new Map<string, Place>()
  /** How old a connection may become, for as long as it exists: one that takes its place again grows old again. */
  readonly #lifetimes = new WeakMap<object, number>()
  /** How many connections there may be of one name and type, as long as there are any. */
  readonly #bounds = new Map<string, number>()
  readonly #superseded = new WeakSet<object>()

  /**
   * The entry of this key.
   *
   * @param ttl an older one goes, and is not given; milliseconds.
   */
  get(key: string, ttl: number = Number.POSITIVE_INFINITY): RegistryEntry | undefined {
    const place = this.#places.get(key)
    if (!place || performance.now() - place.since < ttl) return place?.entry
    this.evict(place.entry)
    return undefined
  }

  /** All entries, the oldest first. */
  all(): readonly RegistryEntry[] {
    return Array.from(this.#places.values(), ({ entry }) => entry)
  }

  add(entry: RegistryEntry): void {
    const place: Place = { entry, since: performance.now() }
    this.#places.set(entry.key, place)
    entry.connection[control].registered(entry)
    this.#expire(place)
    this.#enforceBound(entry)
  }

  /** Takes a connection out; its handle stays usable. */
  evict(entry: RegistryEntry): void {
    if (this.forget(entry)) entry.connection[control].evicted()
  }

  /** Takes a connection out without a word to it. */
  forget(entry: RegistryEntry): boolean {
    const place = this.#places.get(entry.key)
    if (place?.entry.connection !== entry.connection) return false
    clearTimeout(place.timer)
    this.#places.delete(entry.key)
    if (!this.all().some((other) => kind(other) === kind(entry))) this.#bounds.delete(kind(entry))
    return true
  }

  /**
   * The entry that holds the place of an evicted connection, which takes it again if it is free.
   */
  readmit(entry: RegistryEntry): RegistryEntry {
    const holder = this.#places.get(entry.key)?.entry
    if (holder) return holder
    this.add(entry)
    return entry
  }

  /**
   * Takes out the connections of an older self of this class: one without a type key and of the same class name, for
   * the same connection. That is what a hot reload looks like; in production nothing is reloaded.
   */
  supersede(entry: RegistryEntry): void {
    if (process.env.NODE_ENV === "production" || !entry.typeKey.startsWith(anonymousType)) return
    const isOtherSelf = ({ name, typeKey, connectionClass }: RegistryEntry) =>
      name === entry.name &&
      typeKey.startsWith(anonymousType) &&
      typeKey !== entry.typeKey &&
      connectionClass.name === entry.connectionClass.name
    for (const other of this.all().filter(isOtherSelf)) {
      if (!this.#superseded.has(entry.connectionClass)) {
        this.#superseded.add(other.connectionClass)
        this.evict(other)
        continue
      }
      // The old one is asked for again, so it was no reload: both stay.
      this.#superseded.add(other.connectionClass)
      warnOnce(
        `two classes ${entry.name} ${entry.connectionClass.name}`,
        `Connection "${entry.name}" is made with two classes called ${entry.connectionClass.name}. ` +
          `Give each a static typeKey, so that they are told apart.`,
      )
    }
  }

  /** It is made only now: its age counts from here. */
  connected(entry: RegistryEntry): void {
    const place = this.#places.get(entry.key)
    if (place?.entry !== entry) return
    place.since = performance.now()
    this.#expire(place)
  }

  /** From now on, keeps at most `maxEntries` connections of this name and type; the oldest go. */
  bound(entry: RegistryEntry, maxEntries: number): void {
    this.#bounds.set(kind(entry), maxEntries)
    this.#enforceBound(entry)
  }

  /** Evicts the entry when it is `ttl` milliseconds old, instead of at any age that was set before. */
  expireAfter(entry: RegistryEntry, ttl: number): void {
    this.#lifetimes.set(entry.connection, ttl)
    const place = this.#places.get(entry.key)
    if (place) this.#expire(place)
  }

  #expire(place: Place): void {
    clearTimeout(place.timer)
    const ttl = this.#lifetimes.get(place.entry.connection) ?? Number.POSITIVE_INFINITY
    if (!Number.isFinite(ttl)) return
    const left = place.since + ttl - performance.now()
    const end = () => (left > longestTimer ? this.#expire(place) : this.evict(place.entry))
    place.timer = setTimeout(end, Math.min(Math.max(left, 0), longestTimer)).unref()
  }

  /** The entry itself stays: somebody has just asked for it. */
  #enforceBound(entry: RegistryEntry): void {
    const most = this.#bounds.get(kind(entry)) ?? Number.POSITIVE_INFINITY
    const kin = this.all().filter((other) => kind(other) === kind(entry))
    const others = kin.filter((other) => other !== entry)
    for (const oldest of others.slice(0, Math.max(0, kin.length - most))) this.evict(oldest)
  }
}

function kind({ name, typeKey }: RegistryEntry): string {
  return JSON.stringify([name, typeKey])
}
