import { longestTimer } from "../util/abort.ts"
import { warnOnce } from "../util/warn.ts"
import { control, type RegistryEntry } from "./control.ts"

/** Begins the type key of a class that has none of its own; its identity follows. */
export const anonymousType = "class "

/** A connection that is asked for. */
type NewConnection = Pick<RegistryEntry, "name" | "typeKey" | "connectionClass">

/** A connection object in the registry, since when, and what takes it out again. */
interface Place {
  readonly entry: RegistryEntry
  /** Milliseconds of `performance.now()`. */
  since: number
  timer?: NodeJS.Timeout
}

/** The connections of one name and type. */
interface Kind {
  readonly name: string
  readonly typeKey: string
  /** The oldest first. */
  readonly places: Set<Place>
  /** How many there may be. */
  most: number
}

/**
 * The connection objects of one environment: one per identity, the oldest first. Nothing looks at all of them: the
 * ten-thousandth name costs as much as the first.
 */
export class Registry {
  readonly #places = new Map<string, Place>()
  /** By name, then by type. */
  readonly #kinds = new Map<string, Map<string, Kind>>()
  /** How many there are of each data key. */
  readonly #alike = new Map<string, number>()
  /** How old a connection may become, for as long as it exists: one that takes its place again grows old again. */
  readonly #lifetimes = new WeakMap<object, number>()
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

  /** How many connections there are that differ from this one in objects and functions only, itself included. */
  countAlike({ dataKey }: RegistryEntry): number {
    return this.#alike.get(dataKey) ?? 0
  }

  add(entry: RegistryEntry): void {
    const place: Place = { entry, since: performance.now() }
    this.#places.set(entry.key, place)
    this.#kindOf(entry).places.add(place)
    this.#alike.set(entry.dataKey, this.countAlike(entry) + 1)
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
    const alike = this.countAlike(entry) - 1
    if (alike > 0) this.#alike.set(entry.dataKey, alike)
    else this.#alike.delete(entry.dataKey)
    const kind = this.#kindOf(entry)
    kind.places.delete(place)
    if (kind.places.size === 0) this.#removeKind(kind)
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
   * Takes out the connections of an older self of this class: one of the same type key or, without one, of the same class
   * name, for the same connection. That is what a hot reload looks like; in production nothing is reloaded.
   *
   * An older self that is asked for again was not reloaded: both classes live. Without a key both have connections; with
   * one they are two copies of one class, as two bundles have them, and share.
   */
  supersede({ name, typeKey, connectionClass }: NewConnection): void {
    if (process.env.NODE_ENV === "production") return
    for (const kind of [...(this.#kinds.get(name)?.values() ?? [])]) {
      const [first] = kind.places
      const other = first!.entry.connectionClass
      if (other === connectionClass) continue
      const anonymous = typeKey.startsWith(anonymousType) && kind.typeKey.startsWith(anonymousType)
      if (!(anonymous ? other.name === connectionClass.name : kind.typeKey === typeKey)) continue
      const askedAgain = this.#superseded.has(connectionClass)
      this.#superseded.add(other)
      if (!askedAgain) for (const { entry } of [...kind.places]) this.evict(entry)
      else if (anonymous) warnOfTwins(name, connectionClass.name)
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
    this.#kindOf(entry).most = maxEntries
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
    const { places, most } = this.#kindOf(entry)
    for (const { entry: oldest } of places) {
      if (places.size <= most) return
      if (oldest !== entry) this.evict(oldest)
    }
  }

  #kindOf({ name, typeKey }: RegistryEntry): Kind {
    let kinds = this.#kinds.get(name)
    if (kinds === undefined) this.#kinds.set(name, (kinds = new Map()))
    let kind = kinds.get(typeKey)
    if (kind === undefined) {
      kinds.set(typeKey, (kind = { name, typeKey, places: new Set(), most: Number.POSITIVE_INFINITY }))
    }
    return kind
  }

  #removeKind({ name, typeKey }: Kind): void {
    const kinds = this.#kinds.get(name)
    kinds?.delete(typeKey)
    if (kinds?.size === 0) this.#kinds.delete(name)
  }
}

function warnOfTwins(name: string, className: string): void {
  warnOnce(
    `two classes ${name} ${className}`,
    `Connection "${name}" is made with two classes called ${className}. ` +
      `Give each a static typeKey, so that they are told apart.`,
  )
}
