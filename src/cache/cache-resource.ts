import { type Duration, toMilliseconds } from "../util/duration.ts"
import { type OptionNames, refuseUnknown } from "../util/known-options.ts"
import type { Cache } from "./cached.ts"
import type { CacheRange } from "./contract.ts"
import { type AnyFunction, argumentsKey, type CacheScope, checkBounds, functionName } from "./function-scope.ts"
import type { CachePart } from "./parts.ts"
import { Resources } from "./resources.ts"
import { type CacheServices, sessionScope } from "./services.ts"

/** How {@link CacheResource} shares what a function makes. */
export interface CacheResourceOptions<Args extends unknown[], T> {
  /** The greatest age of an object; `Infinity` by default. */
  ttl?: Duration
  /** How many objects, one for each set of arguments; the least recently used is released. */
  maxEntries?: number
  /** Asked at each access; false, or a throw, releases the object and makes another. */
  validate?: (resource: T) => boolean | Promise<boolean>
  /** Called once with each object that leaves: expired, invalid, pushed out, cleared, or at the end of the process. */
  onRelease?: (resource: T) => unknown
  /** `"session"` gives each session objects of its own, released when it ends. `"global"` by default. */
  scope?: CacheScope
  /** Names the function across hot reloads: the objects are kept until its text changes, and released then. */
  key?: string
  /** What of the arguments the object depends on, as plain data; all of them by default. */
  keyOf?: (...args: Args) => unknown
}

/** A function whose results are made once and shared. */
export interface CachedResource<Args extends unknown[], T> {
  (...args: Args): Promise<T>
  /** Releases all objects; in a session-scoped function those of the present session. */
  clear(): Promise<void>
  /** Releases the object of these arguments. */
  clear(...args: Args): Promise<void>
}

/**
 * Shares one object per arguments among all callers: a client, a model, a pool. It is made once however many ask at
 * the same time; a failure is not kept.
 *
 * @example
 * const broker = cacheResource((url: string) => Broker.connect(url), { onRelease: (broker) => broker.close() })
 * await (await broker("nats://localhost")).publish("pets", "cat")
 */
export interface CacheResource {
  <Args extends unknown[], T>(
    fn: (...args: Args) => T,
    options?: CacheResourceOptions<Args, Awaited<T>>,
  ): CachedResource<Args, Awaited<T>>
  /** Releases all objects of all functions and sessions in this process. */
  clear(): Promise<void>
}

/** Makes `cacheResource` over the services of a program. */
export function createCacheResource(services: () => CacheServices): CacheResource {
  async function clearAll(): Promise<void> {
    await Promise.all(
      services()
        .cache.parts.all()
        .map((part) => part.releaseAll()),
    )
  }

  function cacheResource<Args extends unknown[], T>(
    fn: (...args: Args) => T,
    options: CacheResourceOptions<Args, Awaited<T>> = {},
  ): CachedResource<Args, Awaited<T>> {
    type Value = Awaited<T>
    const { scope = "global", key, keyOf, validate, onRelease, maxEntries = Number.POSITIVE_INFINITY } = options
    refuseUnknown(`cacheResource(${fn.name})`, options, optionNames)
    checkBounds(`cacheResource(${fn.name})`, options)
    const ttl = toMilliseconds(options.ttl ?? Number.POSITIVE_INFINITY, "ttl")
    const policy = { ttl, maxEntries, validate, onRelease }
    const name = functionName(fn, key)

    const isKept = onRelease !== undefined
    const resourcesOf = (use: CacheServices) =>
      functionResources<Value>(use.cache, { fn, key, name, isKept }).in(scopeOf(use))
    const scopeOf = (use: CacheServices): string => (scope === "session" ? sessionScope(use.currentSession()) : name)

    async function get(...args: Args): Promise<Value> {
      const use = services()
      const id = argumentsKey(fn, args, keyOf, use.shared)
      const make = async (): Promise<Value> =>
        await (scope === "session" ? fn(...args) : use.outsideSession(() => fn(...args)))
      return resourcesOf(use).get(id, policy, make)
    }

    async function clear(...args: Args | []): Promise<void> {
      const use = services()
      const id = args.length === 0 ? undefined : argumentsKey(fn, args as Args, keyOf, use.shared)
      await resourcesOf(use).clear(id)
    }

    const cached = (...args: Args): Promise<Value> => get(...args)
    Object.defineProperty(cached, "name", { value: fn.name })
    return Object.assign(cached, { clear }) as CachedResource<Args, Value>
  }

  return Object.assign(cacheResource, { clear: clearAll })
}

const optionNames: OptionNames<CacheResourceOptions<unknown[], unknown>> = {
  ttl: true,
  maxEntries: true,
  validate: true,
  onRelease: true,
  scope: true,
  key: true,
  keyOf: true,
}

/** The objects that one function made, for each scope. */
class FunctionResources<T> implements CachePart {
  readonly #scopes = new Map<string, Resources<T>>()
  readonly #cache: Cache
  /** The function's name when these were made: another one under the same key is an edited function. */
  readonly name: string

  constructor(cache: Cache, name: string) {
    this.#cache = cache
    this.name = name
  }

  in(scope: string): Resources<T> {
    let resources = this.#scopes.get(scope)
    if (!resources) this.#scopes.set(scope, (resources = new Resources<T>(this.#cache.surroundings("onRelease"))))
    return resources
  }

  async invalidate({ scope }: CacheRange): Promise<void> {
    const resources = this.#scopes.get(scope)
    this.#scopes.delete(scope)
    await resources?.close()
  }

  async releaseAll(): Promise<void> {
    await Promise.all(Array.from(this.#scopes.values(), (resources) => resources.clear()))
  }

  async clear(): Promise<void> {
    await Promise.all(Array.from(this.#scopes.keys(), (scope) => this.invalidate({ scope })))
  }
}

/** Whose objects are meant. */
interface Owner {
  readonly fn: AnyFunction
  readonly key: string | undefined
  readonly name: string
  /** Whether somebody is told when they are released, also after the function itself is gone. */
  readonly isKept: boolean
}

function functionResources<T>(cache: Cache, { fn, key, name, isKept }: Owner): FunctionResources<T> {
  const place = key === undefined ? fn : `resource ${key}`
  let resources = cache.parts.get(place) as FunctionResources<T> | undefined
  if (resources?.name !== name) {
    void resources?.clear()
    resources = new FunctionResources<T>(cache, name)
    cache.parts.set(place, resources)
  }
  if (isKept) cache.parts.keep(place, resources)
  return resources
}
