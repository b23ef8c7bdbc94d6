import {
  type CacheData,
  type CacheResource,
  type CacheServices,
  type CacheStats,
  type CacheStore,
  createCacheData,
  createCacheResource,
} from "./cache/index.ts"
import { currentEnvironment, diskStore, outsideSession, sharedTables, valueCodec } from "./core/index.ts"
import { isMooringError, MooringError } from "./errors.ts"
import { didYouMean } from "./util/suggest.ts"

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

/** A store outside of memory, and what it holds now. */
export interface CacheDescription {
  /** `disk`, `redis`, or what a store of your own calls itself. */
  readonly name: string
  /** Its folder, or its URL without the password; undefined where the store does not tell. */
  readonly location: string | undefined
  /** How many results it holds; undefined where it could not be asked. */
  readonly entries: number | undefined
  readonly bytes: number | undefined
  /** Why it could not be asked, and what to do. */
  readonly problem: string | undefined
}

/**
 * The stores in which this project keeps results outside of memory: its folder on disk, and the store that the
 * configuration names.
 *
 * @example for (const { name, entries, bytes } of await describeCaches()) console.log(name, entries, bytes)
 */
export async function describeCaches(): Promise<CacheDescription[]> {
  return Promise.all((await stores()).map(describe))
}

/**
 * Forgets what is kept outside of memory, for all processes: in all stores, in the store of this name, or the results of
 * the connection of this name.
 *
 * @throws MooringError `NO_CONFIG` where the name is neither's; `CACHE` where a store could not be told.
 * @returns the names of the stores that were cleared.
 */
export async function clearCaches(name?: string): Promise<string[]> {
  const all = await stores()
  const cleared = name === undefined ? all : all.filter((store) => store.name === name)
  if (name !== undefined && cleared.length === 0) return clearConnection(name, all)
  for (const store of cleared) await clearStore(store)
  return cleared.map((store) => store.name)
}

async function clearStore(store: CacheStore): Promise<void> {
  try {
    await store.clear()
  } catch (cause) {
    if (isMooringError(cause)) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MooringError("CACHE", `The cache "${store.name}" could not be cleared: ${reason}`, {
      ...(store.location !== undefined && { hint: `Check that ${store.location} can be written to.` }),
      cause,
    })
  }
}

async function stores(): Promise<CacheStore[]> {
  const { sharedStore, disk } = services()
  const shared = sharedStore()
  const folder = await disk()
  return shared && shared.location !== folder.location ? [folder, shared] : [folder]
}

async function describe(store: CacheStore): Promise<CacheDescription> {
  const { name, location } = store
  try {
    const { entries, bytes } = await store.stats()
    return { name, location, entries, bytes, problem: undefined }
  } catch (error) {
    const problem = isMooringError(error) ? `${error.message} ${error.hint ?? ""}`.trim() : String(error)
    return { name, location, entries: undefined, bytes: undefined, problem }
  }
}

async function clearConnection(name: string, all: readonly CacheStore[]): Promise<string[]> {
  if (!currentEnvironment().secrets.section(name)) {
    const names = all.map((store) => store.name)
    const known = [
      ...names,
      ...currentEnvironment()
        .secrets.list()
        .map((section) => section.name),
    ]
    throw new MooringError("NO_CONFIG", `There is no cache and no connection "${name}".`, {
      hint: `Caches: ${names.join(", ")}. ${didYouMean(name, known)}`.trim(),
    })
  }
  const { connection } = await import("./connection.ts")
  const target: { clearCache?(): Promise<void> } = await connection(name, { lazy: true })
  if (!target.clearCache) {
    throw new MooringError("UNSUPPORTED", `Connection "${name}" cannot forget its results alone.`, {
      hint: "Clear the whole cache instead.",
      connection: name,
    })
  }
  await target.clearCache()
  const told = currentEnvironment().cache.stats().stores
  const failing = told.find((store) => store.failing)
  if (failing) {
    const store = all.find((one) => one.name === failing.name)
    const problem = store && (await describe(store)).problem
    throw new MooringError("CACHE", `The cache "${failing.name}" could not be told to forget.`, {
      hint: [problem, "Its results expire with their ttl."].filter(Boolean).join(" "),
      connection: name,
    })
  }
  return told.map((store) => store.name)
}

/** What the cache has done since the process began, and what its memory holds now. */
export function cacheStats(): CacheStats {
  return currentEnvironment().cache.stats()
}
