import type { CacheKey, CacheRange, CacheStore, Codec, Entry, Look, StoreStats, Turn } from "../contract.ts"
import { type RedisOptions, type RedisTarget, resolveRedis } from "./options.ts"
import type { RedisStore } from "./store.ts"

/** A {@link RedisStore} that is loaded when it is first asked: most programs share nothing with others. */
class DeferredStore implements Required<CacheStore> {
  readonly name = "redis"
  readonly inProcess = false
  readonly location: string
  readonly #target: RedisTarget
  #loading: Promise<RedisStore> | undefined

  constructor(target: RedisTarget) {
    this.location = target.shown
    this.#target = target
  }

  async get<V>(key: CacheKey, codec: Codec<V>): Promise<Entry<V> | undefined> {
    return (await this.#loaded()).get(key, codec)
  }

  async set<V>(key: CacheKey, entry: Entry<V>, codec: Codec<V>): Promise<unknown> {
    return (await this.#loaded()).set(key, entry, codec)
  }

  async epoch(key: CacheKey): Promise<string> {
    return (await this.#loaded()).epoch(key)
  }

  async invalidate(range: CacheRange): Promise<void> {
    return (await this.#loaded()).invalidate(range)
  }

  async look<V>(key: CacheKey, codec: Codec<V>, known: string | undefined): Promise<Look<V>> {
    return (await this.#loaded()).look(key, codec, known)
  }

  async turn(key: CacheKey, known: number, force: boolean): Promise<Turn> {
    return (await this.#loaded()).turn(key, known, force)
  }

  async stats(): Promise<StoreStats> {
    return (await this.#loaded()).stats()
  }

  async clear(): Promise<void> {
    return (await this.#loaded()).clear()
  }

  async close(): Promise<void> {
    await (await this.#loading)?.close()
  }

  #loaded(): Promise<RedisStore> {
    this.#loading ??= import("./store.ts").then(({ RedisStore }) => new RedisStore(this.#target))
    return this.#loading
  }
}

/**
 * A store in Redis or Valkey, for `configure({ cache: { store } })` and `cacheData(fn, { store })`: results, their
 * invalidation and executions under way are shared by all processes of one server and prefix. Needs the package `redis`.
 *
 * Nothing is connected before the first use. A server that is down or slow is a miss, never an error of a query.
 *
 * @example configure({ cache: { store: redisStore({ url: "rediss://cache.example:6379" }) } })
 */
export function redisStore(options: RedisOptions): CacheStore {
  return new DeferredStore(resolveRedis(options))
}
