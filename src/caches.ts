import {
  type CacheData,
  type CacheResource,
  type CacheServices,
  type CacheStats,
  createCacheData,
  createCacheResource,
} from "./cache/index.ts"
import { currentEnvironment, diskStore, outsideSession, sharedTables, tableCodec } from "./core/index.ts"

function services(): CacheServices {
  const environment = currentEnvironment()
  return {
    cache: environment.cache,
    shared: sharedTables,
    disk: () => diskStore(environment.projectDir, environment.settings.cache?.directory),
    codec: async () => {
      const { anyCodec, plainCodec } = await import("./cache/codec.ts")
      return anyCodec([tableCodec, plainCodec([tableCodec])])
    },
    currentSession: () => environment.requireSession("A session-scoped cache"),
    outsideSession,
  }
}

export const cacheData: CacheData = createCacheData(services)

export const cacheResource: CacheResource = createCacheResource(services)

/** What the cache has done since the process began, and what its memory holds now. */
export function cacheStats(): CacheStats {
  return currentEnvironment().cache.stats()
}
