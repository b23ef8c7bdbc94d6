import { builtinTypes } from "./builtins.ts"
import type { ConnectionOf, ConnectionOptions, ConnectionType, OptionsOf } from "./connection-types.ts"
import {
  anonymousType,
  type BaseConnection,
  control,
  currentEnvironment,
  type Environment,
  type RegistryEntry,
  requireSession,
  reservedOptions,
  type Scope,
} from "./core/index.ts"
import { MooringError } from "./errors.ts"
import { type ConnectionClass, loadClass, resolveType, type TypeSpec } from "./resolve-type.ts"
import { withDeadline } from "./util/abort.ts"
import { addCaller } from "./util/caller.ts"
import { toMilliseconds } from "./util/duration.ts"
import { identity, stableKey } from "./util/stable-key.ts"
import { warnOnce } from "./util/warn.ts"

/**
 * The connection of this name: one object per process for the same name, type and options, made at the first call.
 *
 * @param name the section `[connections.<name>]`, or `"env:VAR"` to read the name from an environment variable.
 * @param options `type` and the other reserved options; the rest is laid over the section, key by key.
 * @returns when the first connect has succeeded; at once with `lazy`.
 * @throws MooringError `NO_CONFIG`, `UNKNOWN_TYPE`, `BAD_CONFIG`, `DRIVER_MISSING`, `CONNECT`, `SECRETS`.
 * @example const pets = await connection("pets", { type: "sql" })
 */
export function connection<
  C extends object = BaseConnection,
  const Name extends string = string,
  Type extends ConnectionType = string | undefined,
>(name: Name, options?: { type?: Type } & OptionsOf<Type>): Promise<ConnectionOf<C, Name, Type>>
export async function connection(name: string, given: object = {}): Promise<object> {
  const environment = currentEnvironment()
  const resolved = resolveName(name)
  const replacement = environment.replacements.get(resolved)
  if (replacement) return replacement
  const options = optionsInPlace(environment.standIns.get(resolved), given as ConnectionOptions)
  const spec = resolveType(environment, resolved, options)
  const connectionClass = await loadClass(environment, resolved, spec)
  const entry = findOrMake(environment, { name: resolved, spec, connectionClass, options })
  const { ttl, maxEntries, lazy } = options
  if (maxEntries !== undefined) environment.registry.bound(entry, positive(maxEntries, "maxEntries"))
  if (!lazy) {
    try {
      await connected(environment, entry, options)
    } catch (error) {
      throw addCaller(error)
    }
  }
  if (ttl !== undefined) environment.registry.expireAfter(entry, toMilliseconds(ttl, "ttl"))
  return entry.connection
}

/** One call of `connection()`, its class loaded. */
interface Call {
  readonly name: string
  readonly spec: TypeSpec
  readonly connectionClass: ConnectionClass
  readonly options: ConnectionOptions
}

/** What a test puts in the place of a connection says what it is; the call still says how to wait for it. */
function optionsInPlace(standIn: ConnectionOptions | undefined, given: ConnectionOptions): ConnectionOptions {
  if (!standIn) return given
  const { type, lazy, signal, timeout } = given
  return { type, lazy, signal, timeout, ...standIn }
}

/** The name of the section: `env:VAR` is what that variable holds. */
export function resolveName(name: string): string {
  if (typeof name !== "string" || name === "") {
    throw new MooringError("BAD_CONFIG", "connection() needs a name, a text that is not empty.")
  }
  if (!name.startsWith("env:")) return name
  const variable = name.slice("env:".length)
  const value = process.env[variable]
  if (value) return value
  throw new MooringError("BAD_CONFIG", `connection("${name}") asks for the variable ${variable}, which is not set.`, {
    hint: `Set ${variable} to the name of a section [connections.<name>].`,
  })
}

function findOrMake(environment: Environment, call: Call): RegistryEntry {
  const { name, connectionClass, options } = call
  const scope = scopeOf(call)
  const session = scope === "session" ? requireSession(`Connection "${name}"`, name) : undefined
  const typeKey = typeKeyOf(call)
  const { own, objects } = countedOptions(options)
  const ttl = options.ttl === undefined ? undefined : toMilliseconds(options.ttl, "ttl")
  const key = stableKey([name, typeKey, session, own], { opaque: identity })
  // Another copy of the package has the same built-in classes.
  if (!Object.hasOwn(builtinTypes, typeKey)) environment.registry.supersede({ name, typeKey, connectionClass })
  const known = environment.registry.get(key, ttl)
  if (known) return known
  const made = new connectionClass(name, { ...options, scope } as never)
  const dataKey = objects.length === 0 ? key : stableKey([name, typeKey, session, own], { opaque: () => "" })
  const entry = { key, dataKey, name, typeKey, connectionClass, session, connection: made }
  environment.registry.add(entry)
  if (objects.length > 0) warnOfPiling(environment, entry, objects)
  return entry
}

/** The options that tell connections apart, and the names of those that count by identity. */
function countedOptions(options: ConnectionOptions): { own: Record<string, unknown>; objects: readonly string[] } {
  const own: Record<string, unknown> = {}
  const objects: string[] = []
  for (const key of Object.keys(options)) {
    if (reserved.has(key) || options[key] === undefined) continue
    own[key] = options[key]
    if (countsByIdentity(options[key])) objects.push(key)
  }
  return { own, objects }
}

const reserved: ReadonlySet<string> = new Set(reservedOptions)

function countsByIdentity(value: unknown): boolean {
  if (typeof value === "function" || typeof value === "symbol") return true
  if (typeof value !== "object" || value === null) return false
  let counts = false
  const opaque = () => {
    counts = true
    return ""
  }
  stableKey(value, { opaque })
  return counts
}

function typeKeyOf({ spec, connectionClass }: Call): string {
  if (spec.kind === "loader") return spec.key
  // A subclass inherits the static, but is another class.
  const own = Object.hasOwn(connectionClass, "typeKey") ? connectionClass.typeKey : undefined
  return own ?? `${anonymousType}${identity(connectionClass)}`
}

function scopeOf({ name, connectionClass, options }: Call): Scope {
  const scope = options.scope ?? connectionClass.scope
  if (scope !== "global" && scope !== "session") {
    throw new MooringError("BAD_CONFIG", `The scope of connection "${name}" is neither "global" nor "session".`, {
      connection: name,
    })
  }
  if (scope === "session" || connectionClass.scope === "global") return scope
  throw new MooringError(
    "BAD_CONFIG",
    `Connection "${name}" belongs to a session; an option cannot share it with all.`,
    {
      connection: name,
      hint: "Leave the option scope out.",
    },
  )
}

/** Connects at the first call; a new connection that fails is forgotten, so that the next call tries afresh. */
async function connected(environment: Environment, entry: RegistryEntry, options: ConnectionOptions): Promise<void> {
  const held = entry.connection[control]
  if (held.lifecycle.connectedOnce) return
  const wait = options.timeout === undefined ? undefined : toMilliseconds(options.timeout, "timeout")
  const late = `Connection "${entry.name}" was not made within ${wait} ms.`
  try {
    await withDeadline({ signal: options.signal, timeout: wait }, late, (signal) => held.connect(signal))
    environment.registry.connected(entry)
  } catch (error) {
    if (!held.lifecycle.connectedOnce && !held.lifecycle.connecting) environment.registry.evict(entry)
    throw error
  }
}

/** The third live connection that differs only in an object or function is one too many. */
function warnOfPiling(environment: Environment, entry: RegistryEntry, objects: readonly string[]): void {
  const { name, dataKey } = entry
  if (environment.registry.countAlike(entry) < 3) return
  const keys = objects.join(", ")
  warnOnce(
    `piling ${dataKey}`,
    `Connection "${name}" now exists three times, because ${keys} is another object at each call. ` +
      `Make ${keys} once, outside the function that calls connection().`,
  )
}

function positive(value: number, what: string): number {
  if (Number.isInteger(value) && value > 0) return value
  throw new MooringError("BAD_CONFIG", `${what} must be a whole number above 0.`)
}
