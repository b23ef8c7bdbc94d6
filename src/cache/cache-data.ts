import { MooringError } from "../errors.ts"
import { type Duration, toMilliseconds } from "../util/duration.ts"
import { type OptionNames, refuseUnknown } from "../util/known-options.ts"
import type { Cache } from "./cached.ts"
import { isConnectionError } from "./connection-error.ts"
import type { CacheKey, CacheStore, Codec } from "./contract.ts"
import { sizeOfData } from "./data-size.ts"
import { argumentsKey, type CacheScope, checkBounds, functionName, isFunctionScope } from "./function-scope.ts"
import type { MemoryStore } from "./memory.ts"
import { copyData } from "./plain-data.ts"
import type { ReadOptions } from "./read-options.ts"
import { type CacheServices, sessionScope } from "./services.ts"

/** How {@link CacheData} caches a function's results. */
export interface CacheDataOptions<Args extends unknown[], T> {
  /** The greatest age of a result; `Infinity` by default. At 0 nothing is stored, and equal calls share one execution. */
  ttl?: Duration
  /** Bounds this function's results in memory by their number; the least recently used goes. */
  maxEntries?: number
  /** Bounds this function's results in memory by their bytes, apart from the common memory. */
  maxBytes?: number
  /**
   * Keeps results on disk too, beyond the process, or in the store that the configuration names, where other processes
   * find them; without one, in memory only. Needs `key`.
   */
  persist?: "disk" | "shared"
  /** Keeps results in this store too. Needs `key`. */
  store?: CacheStore
  /** For so long after `ttl` an older result is given at once and renewed in the background. */
  staleWhileRevalidate?: Duration
  /** For so long after `ttl` an older result is given when the source cannot be reached. */
  staleIfError?: Duration
  /**
   * Which failures `staleIfError` covers up. By default errors of sockets and of `fetch`, timeouts, broken database
   * connections and the HTTP statuses 500, 502, 503 and 504 on an error; never a refusal.
   */
  staleOn?: (error: unknown) => boolean
  /** Whether a stored result may still be used. */
  validate?: (value: T) => boolean | Promise<boolean>
  /** `"session"` gives each session results of its own, in memory only. `"global"` by default. */
  scope?: CacheScope
  /** Names the function across hot reloads, processes and restarts; results are kept until its text changes. */
  key?: string
  /** What of the arguments the result depends on, as plain data; all of them by default. */
  keyOf?: (...args: Args) => unknown
}

/** A function whose results are cached. */
export interface CachedData<Args extends unknown[], T> {
  (...args: Args): Promise<T>
  /** Forgets all results; in a session-scoped function those of the present session. */
  clear(): Promise<void>
  /** Forgets the result of these arguments. */
  clear(...args: Args): Promise<void>
}

/**
 * Caches the results of a function, sync or async. Equal concurrent calls share one execution; failures are never
 * cached; each caller gets a copy of its own, except of tables, which are immutable and shared.
 *
 * Arguments and results are plain data: texts, numbers, bigints, dates, buffers, Maps, Sets, arrays and objects of
 * them, and tables, which count by a digest of their content as arguments.
 *
 * @example
 * const rates = cacheData(async (day: string) => (await fetch(`https://rates.example/${day}`)).json(), { ttl: "1h" })
 * await rates("2024-05-01")
 * await rates.clear("2024-05-01")
 */
export interface CacheData {
  <Args extends unknown[], T>(
    fn: (...args: Args) => T,
    options?: CacheDataOptions<Args, Awaited<T>>,
  ): CachedData<Args, Awaited<T>>
  /**
   * Forgets all results of all functions and sessions in this process, and, in the stores behind, those of the functions
   * that this process has made.
   */
  clear(): Promise<void>
}

/** Makes `cacheData` over the services of a program. */
export function createCacheData(services: () => CacheServices): CacheData {
  /** What functions with results in stores do to forget them, by their key. */
  const stored = new Map<string, () => Promise<void>>()

  async function clearAll(): Promise<void> {
    services().cache.clearScopes(isFunctionScope)
    await Promise.all(Array.from(stored.values(), (clear) => clear()))
  }

  function cacheData<Args extends unknown[], T>(
    fn: (...args: Args) => T,
    options: CacheDataOptions<Args, Awaited<T>> = {},
  ): CachedData<Args, Awaited<T>> {
    type Value = Awaited<T>
    const { scope = "global", key, keyOf, validate, staleOn = isConnectionError } = options
    refuseUnknown(`cacheData(${fn.name})`, options, optionNames)
    check(fn.name, options)
    const name = functionName(fn, key)
    const bounded = options.maxBytes !== undefined || options.maxEntries !== undefined
    const memories = new WeakMap<Cache, MemoryStore>()
    const acceptance = {
      ttl: toMilliseconds(options.ttl ?? Number.POSITIVE_INFINITY, "ttl"),
      staleWhileRevalidate: toMilliseconds(options.staleWhileRevalidate ?? 0, "staleWhileRevalidate"),
      staleIfError: toMilliseconds(options.staleIfError ?? 0, "staleIfError"),
      mayServeStaleOn: staleOn,
    }

    const rangeOf = ({ currentSession }: CacheServices) =>
      scope === "session" ? { scope: sessionScope(currentSession()), group: name } : { scope: name, group: "" }

    const keyFor = (use: CacheServices, args: Args): CacheKey => ({
      ...rangeOf(use),
      id: argumentsKey(fn, args, keyOf, use.shared),
    })

    function memoryIn(cache: Cache): MemoryStore | undefined {
      if (!bounded) return undefined
      let memory = memories.get(cache)
      if (!memory) memories.set(cache, (memory = cache.memory(options)))
      return memory
    }

    async function behindMemory(use: CacheServices): Promise<Pick<ReadOptions<Value>, "store" | "codec">> {
      if (!options.store && !options.persist) return {}
      const store = options.store ?? (options.persist === "disk" ? await use.disk() : use.sharedStore())
      return store ? { store, codec: (await use.codec()) as Codec<Value> } : {}
    }

    async function read(args: Args): Promise<Value> {
      const use = services()
      const { cache, shared } = use
      const reading: ReadOptions<Value> = {
        ...acceptance,
        memory: memoryIn(cache),
        sizeOf: (value) => sizeOfData(value, shared),
        validate: validate && ((value) => validate(copyData(value, shared))),
      }
      const at = keyFor(use, args)
      const behind = await behindMemory(use)
      const work = async (): Promise<Value> =>
        // The function may keep what it returned and change it later.
        copyData(await (scope === "session" ? fn(...args) : use.outsideSession(() => fn(...args))), shared)
      return copyData(await cache.read(at, { ...reading, ...behind }, work), shared)
    }

    async function clear(...args: Args | []): Promise<void> {
      const use = services()
      const range = args.length === 0 ? rangeOf(use) : keyFor(use, args as Args)
      // What is in memory goes at once, before anything is awaited.
      const done = use.cache.invalidate(range)
      const { store } = await behindMemory(use)
      await (store ? use.cache.invalidate(range, [store]) : done)
    }

    const cached = (...args: Args): Promise<Value> => read(args)
    Object.defineProperty(cached, "name", { value: fn.name })
    if (key !== undefined && (options.store || options.persist)) stored.set(key, () => clear())
    return Object.assign(cached, { clear }) as CachedData<Args, Value>
  }

  return Object.assign(cacheData, { clear: clearAll })
}

const optionNames: OptionNames<CacheDataOptions<unknown[], unknown>> = {
  ttl: true,
  maxEntries: true,
  maxBytes: true,
  persist: true,
  store: true,
  staleWhileRevalidate: true,
  staleIfError: true,
  staleOn: true,
  validate: true,
  scope: true,
  key: true,
  keyOf: true,
}

function check(name: string, options: CacheDataOptions<never, never>): void {
  checkBounds(`cacheData(${name})`, options)
  const option = options.store ? "store" : options.persist && "persist"
  if (option === undefined) return
  if (options.key === undefined)
    throw new MooringError("BAD_CONFIG", `cacheData(${name}) has ${option} but no key.`, {
      hint: 'Give a key, such as key: "rates": it names the results in other processes and after a restart.',
    })
  if (options.scope === "session")
    throw new MooringError("BAD_CONFIG", `cacheData(${name}) has ${option} and scope "session".`, {
      hint: `Leave ${option} out: results of a session stay in the memory of its process.`,
    })
}
