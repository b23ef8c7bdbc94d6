import { warnOnce } from "../util/warn.ts"
import { control, type RegistryEntry } from "./control.ts"

/** setTimeout turns longer waits into none. */
const longestTimer = 2 ** 31 - 1

/** Begins the type key of a class that has none of its own; its identity follows. */
export const anonymousType = "class "

/** The connection objects of one environment: one per identity, the oldest first. */
export class Registry {
  readonly #entries = new Map<string, RegistryEntry>()
  readonly #expiry = new Map<string, NodeJS.Timeout>()
  readonly #superseded = new WeakSet<object>()

  get(key: string): RegistryEntry | undefined {
    return this.#entries.get(key)
  }

  /** All entries, the oldest first. */
  all(): readonly RegistryEntry[] {
    return [...this.#entries.values()]
  }

  add(entry: RegistryEntry): void {
    this.#entries.set(entry.key, entry)
    entry.connection[control].registered(entry)
  }

  /** Takes a connection out; its handle stays usable. */
  evict(entry: RegistryEntry): void {
    if (this.forget(entry)) entry.connection[control].evicted()
  }

  /** Takes a connection out without a word to it. */
  forget(entry: RegistryEntry): boolean {
    if (this.#entries.get(entry.key)?.connection !== entry.connection) return false
    clearTimeout(this.#expiry.get(entry.key))
    this.#expiry.delete(entry.key)
    return this.#entries.delete(entry.key)
  }

  /**
   * The entry that holds the place of an evicted connection, which takes it again if it is free.
   */
  readmit(entry: RegistryEntry): RegistryEntry {
    const holder = this.#entries.get(entry.key)
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

  /** Keeps at most `maxEntries` connections of one name and type; the oldest go. */
  bound(entry: RegistryEntry, maxEntries: number): void {
    const kin = this.all().filter((other) => other.name === entry.name && other.typeKey === entry.typeKey)
    for (const oldest of kin.slice(0, Math.max(0, kin.length - maxEntries))) this.evict(oldest)
  }

  /** Evicts the entry `milliseconds` from now, instead of any time that was set before. */
  expireIn(entry: RegistryEntry, milliseconds: number): void {
    clearTimeout(this.#expiry.get(entry.key))
    if (!Number.isFinite(milliseconds)) return void this.#expiry.delete(entry.key)
    const timer = setTimeout(() => this.evict(entry), Math.min(milliseconds, longestTimer))
    timer.unref()
    this.#expiry.set(entry.key, timer)
  }
}
