import { createRequire } from "node:module"
import { isAbsolute, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { builtinTypes, streamlitPaths } from "./builtins.ts"
import { BaseConnection, type Controlled, control, type Environment } from "./core/index.ts"
import { MooringError } from "./errors.ts"
import { assertMayExecute, header, type Section } from "./secrets/index.ts"
import { fs } from "./util/node.ts"
import { isOtherDatabase } from "./util/other-databases.ts"
import { didYouMean } from "./util/suggest.ts"

/** A class of connections, of this or another copy of the package. */
export type ConnectionClass = (new (
  name: string,
  options?: never,
) => Controlled) & {
  readonly name: string
  readonly scope: "global" | "session"
  readonly typeKey: string | undefined
}

/** What a connection is to be: its class, or where to load it. */
export type TypeSpec =
  | { readonly kind: "class"; readonly connectionClass: ConnectionClass }
  | { readonly kind: "loader"; readonly key: string; readonly load: () => Promise<unknown> }

/**
 * Decides what a connection is: the option `type`; else the section's `type`; else `url` or `dialect` mean SQL; else
 * the name itself, where it is the name of a type.
 *
 * @throws MooringError `NO_CONFIG`, `UNKNOWN_TYPE`, `NOT_A_CONNECTION`.
 */
export function resolveType(
  environment: Environment,
  name: string,
  options: Readonly<Record<string, unknown>>,
): TypeSpec {
  if (options.type !== undefined) return typeOf(environment, name, options.type)
  const section = environment.secrets.section(name)
  if (section?.values.type !== undefined) {
    const spec = typeOf(environment, name, section.values.type)
    if (spec.kind === "loader" && isModulePath(spec.key)) {
      assertMayExecute(section, "type", `The module of connection "${name}"`)
    }
    return spec
  }
  const settings = { ...section?.values, ...options }
  if (settings.url !== undefined || settings.dialect !== undefined) return typeOf(environment, name, "sql")
  if (knownTypes(environment).includes(name)) return typeOf(environment, name, name)
  // As Streamlit's st.connection("snowflake"), which needs no type.
  if (isOtherDatabase(name) && !(section ? keyGuess(section) : environment.secrets.meant(name))) {
    throw notYet(name, name, knownTypes(environment))
  }
  throw nothingConfigured(environment, name, section)
}

/** Loads the class that a spec names: once, unless it fails. */
export async function loadClass(environment: Environment, name: string, spec: TypeSpec): Promise<ConnectionClass> {
  if (spec.kind === "class") return spec.connectionClass
  const known = loaded.get(spec.load)
  if (known) return known
  const module = await spec.load()
  const found = isModule(module) ? module.default : module
  if (!isConnectionClass(found)) throw notAConnection(name, `The type ${JSON.stringify(spec.key)}`, environment)
  loaded.set(spec.load, found)
  return found
}

const loaded = new WeakMap<() => Promise<unknown>, ConnectionClass>()

function typeOf(environment: Environment, name: string, type: unknown): TypeSpec {
  if (isConnectionClass(type)) return { kind: "class", connectionClass: type }
  if (typeof type === "function") throw notAConnection(name, `The class ${type.name || "without a name"}`, environment)
  if (typeof type !== "string" || type === "") {
    throw new MooringError("UNKNOWN_TYPE", `The type of connection "${name}" is neither a class nor a text.`, {
      connection: name,
      hint: `Give a class, a module path, or one of ${knownTypes(environment).join(", ")}.`,
    })
  }
  const configured = environment.configuration.types
  if (configured && Object.hasOwn(configured, type)) return { kind: "loader", key: type, load: configured[type]! }
  const builtin = Object.hasOwn(streamlitPaths, type) ? streamlitPaths[type]! : type
  if (Object.hasOwn(builtinTypes, builtin)) {
    return { kind: "loader", key: builtin, load: builtinTypes[builtin as keyof typeof builtinTypes] }
  }
  if (isModulePath(type)) return { kind: "loader", key: type, load: moduleLoader(environment, name, type) }
  throw isPythonPath(type) ? pythonPath(name, type) : unknownType(environment, name, type)
}

const moduleLoaders = new Map<string, () => Promise<unknown>>()

/** One loader per path, so that what it loads is known from call to call. */
function moduleLoader(environment: Environment, name: string, path: string): () => Promise<unknown> {
  const key = `${environment.projectDir} ${path}`
  let load = moduleLoaders.get(key)
  if (!load) moduleLoaders.set(key, (load = () => importModule(environment, name, path)))
  return load
}

/** `./pets.ts#PetsConnection`, `my-package#PetsConnection`, `@scope/package`. */
function isModulePath(type: string): boolean {
  return type.includes("#") || type.includes("/")
}

function isPythonPath(type: string): boolean {
  return /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$/.test(type)
}

async function importModule(environment: Environment, name: string, path: string): Promise<unknown> {
  const [module, exported = "default"] = path.split("#") as [string, string?]
  const isFile = module.startsWith(".") || isAbsolute(module)
  const specifier = isFile ? pathToFileURL(join(isAbsolute(module) ? "" : environment.projectDir, module)).href : module
  let exports: Record<string, unknown>
  try {
    exports = await importFrom(environment.projectDir, specifier, isFile)
  } catch (cause) {
    throw cannotImport(name, path, specifier, cause)
  }
  if (exports[exported] !== undefined) return exports[exported]
  const names = Object.keys(exports)
  throw new MooringError("UNKNOWN_TYPE", `The module of connection "${name}", ${module}, has no export ${exported}.`, {
    connection: name,
    hint: `${didYouMean(exported, names)} It exports ${names.join(", ") || "nothing"}.`.trim(),
  })
}

/** Packages are looked for from this package's place, then from the project's: it may be linked from elsewhere. */
async function importFrom(projectDir: string, specifier: string, isFile: boolean): Promise<Record<string, unknown>> {
  try {
    return await import(/* @vite-ignore */ /* webpackIgnore: true */ specifier)
  } catch (error) {
    if (isFile || !isMissing(error, specifier)) throw error
    const found = resolveFrom(projectDir, specifier)
    if (found === undefined) throw error
    return await import(/* @vite-ignore */ /* webpackIgnore: true */ pathToFileURL(found).href)
  }
}

function resolveFrom(projectDir: string, specifier: string): string | undefined {
  try {
    return createRequire(join(projectDir, "package.json")).resolve(specifier)
  } catch {
    return undefined
  }
}

/** True if the module itself was not found, and not something that it imports. */
function isMissing(error: unknown, specifier: string): boolean {
  if (specifier.startsWith("file:")) return !fs.existsSync(fileURLToPath(specifier))
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return false
  const found = /Cannot find (?:package|module) ['"]([^'"]+)['"]/.exec(String(message))?.[1]
  return found !== undefined && (specifier === found || specifier.startsWith(`${found}/`))
}

function cannotImport(name: string, path: string, specifier: string, cause: unknown): MooringError {
  const why = isMissing(cause, specifier) ? "was not found" : "cannot be imported"
  return new MooringError("UNKNOWN_TYPE", `The module of connection "${name}", ${path}, ${why}.`, {
    connection: name,
    cause,
    hint:
      'A path starts at the project\'s folder ("./connections/pets.ts#PetsConnection"). In a bundled program, name the ' +
      'type instead: configure({ types: { pets: () => import("./connections/pets.ts") } }).',
  })
}

function isConnectionClass(value: unknown): value is ConnectionClass {
  if (typeof value !== "function") return false
  return value.prototype instanceof BaseConnection || Boolean((value as { [control]?: unknown })[control])
}

function isModule(value: unknown): value is { default: unknown } {
  return typeof value === "object" && value !== null && "default" in value
}

function knownTypes(environment: Environment): readonly string[] {
  return [...Object.keys(builtinTypes), ...Object.keys(environment.configuration.types ?? {})]
}

function notAConnection(name: string, what: string, environment: Environment): MooringError {
  return new MooringError(
    "NOT_A_CONNECTION",
    `${what}, given for connection "${name}", does not extend BaseConnection.`,
    {
      connection: name,
      hint: `Write class … extends BaseConnection, or use one of ${knownTypes(environment).join(", ")}.`,
    },
  )
}

function unknownType(environment: Environment, name: string, type: string): MooringError {
  const known = knownTypes(environment)
  if (isOtherDatabase(type)) throw notYet(name, type, known)
  return new MooringError(
    "UNKNOWN_TYPE",
    `Connection "${name}" is of type ${JSON.stringify(type)}, which is unknown.`,
    {
      connection: name,
      hint: `${didYouMean(type, known)} Known types are ${known.join(", ")}; a module path needs a "/" or a "#".`.trim(),
    },
  )
}

function notYet(name: string, type: string, known: readonly string[]): MooringError {
  return new MooringError("UNKNOWN_TYPE", `Connection "${name}" is of type ${type}, which is not supported yet.`, {
    connection: name,
    hint: `Known types are ${known.join(", ")}. Write a class that extends BaseConnection for others.`,
  })
}

function pythonPath(name: string, type: string): MooringError {
  const streamlits = /^streamlit\.connections\.(?:\w+\.)?(\w+?)(?:Base)?Connection$/.exec(type)?.[1]
  if (streamlits !== undefined) {
    return new MooringError("UNKNOWN_TYPE", `Connection "${name}" is of type ${type}, which is not supported yet.`, {
      connection: name,
      hint: "Of Streamlit's connections, Mooring has SQLConnection. Write a class that extends BaseConnection for others.",
    })
  }
  return new MooringError("UNKNOWN_TYPE", `Connection "${name}" is of type ${type}, which is a Python class.`, {
    connection: name,
    hint:
      "Port it: a class that extends BaseConnection, with its _connect. Then name it by its module path, such as " +
      `"./connections/${name}.ts#${type.split(".").at(-1)}".`,
  })
}

/** A sentence on a key that was probably meant to say what a connection is. */
function keyGuess({ keys }: Section): string | undefined {
  return keys.map((key) => didYouMean(key, ["type", "url", "dialect"])).find((sentence) => sentence !== "")
}

function nothingConfigured(environment: Environment, name: string, section: Section | undefined): MooringError {
  const { secrets } = environment
  if (section) {
    return new MooringError("NO_CONFIG", `[connections.${name}] has neither type, url nor dialect.`, {
      connection: name,
      hint:
        keyGuess(section) ?? `Add type = "…" (${knownTypes(environment).join(", ")}), or url = "dialect://…" for SQL.`,
    })
  }
  const meant = secrets.meant(name, knownTypes(environment))
  const looked = secrets.places.join(", ")
  const places = looked && ` Looked at ${looked}, in the folder ${environment.projectDir}.`
  const url = `duckdb:///${name.replace(/[^\w.-]/g, "_")}.duckdb`
  return new MooringError("NO_CONFIG", `Nothing is configured under the name "${name}".${places}`, {
    connection: name,
    hint: meant || `Add to .mooring/secrets.toml:\n${header("connections", name)}\nurl = ${JSON.stringify(url)}`,
  })
}
