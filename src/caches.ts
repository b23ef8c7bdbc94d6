import {
  type CacheData,
  type CacheResource,
  type CacheServices,
  type CacheStats,
  createCacheData,
  createCacheResource,
} from "./cache/index.ts"
import { currentEnvironment, diskStore, outsideSession, sharedTables, valueCodec } from "./core/index.ts"

function services(): CacheServices {
  const environment = currentEnvironment()
  return {
    cache: environment.cache,
    shared: sharedTables,
    disk: () => diskStore(environment.projectDir, environment.settings.cache?.directory),
    sharedStore: () => environment.settings.cache?.store,
    codec: valueCodec,
    currentSession: () => environment.requireSession("A session-scoped cache"),
    outsideSession,
  }
}

/**
 * Keeps the results of a function by its arguments, as `query()` keeps its own: per arguments one execution for all who
 * ask at once, never a failure. Each caller gets a copy of its own; tables are shared.
 *
 * @example
 * const owners = cacheData(async (pet: string) => (await api.owners(pet)).names, { ttl: "10m" })
 * await owners("cat")
 * await owners.clear("cat")
 */
export const cacheData: CacheData = createCacheData(services)

/**
 * Makes one object per arguments and shares it with all callers: a client, a model. It is made once however many ask,
 * and released when it leaves: by age, by number, when found invalid, when cleared, and at the end of the process.
 *
 * @example
 * const broker = cacheResource((url: string) => Broker.connect(url), { onRelease: (broker) => broker.close() })
 * await (await broker("nats://localhost")).publish("pets", "cat")
 */
export const cacheResource: CacheResource = createCacheResource(services)

/** What the cache has done since the process began, and what its memory holds now. */
export function cacheStats(): CacheStats {
  return currentEnvironment().cache.stats()
}
