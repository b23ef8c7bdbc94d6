import { MooringError } from "../../../errors.ts"
import type { Setting, Source, SqlConfig } from "../../dialect.ts"
import { filePath, refuseHost } from "../../file-path.ts"

/** Keys of a section that DuckDB has beyond the common ones. */
export const settings: Readonly<Record<string, Setting>> = {
  access_mode: {
    type: "text",
    description: "READ_ONLY opens the file beside other readers; READ_WRITE and AUTOMATIC make it if it is missing.",
    oneOf: ["AUTOMATIC", "READ_ONLY", "READ_WRITE"],
    tuning: true,
  },
  threads: { type: "number", description: "How many threads one query may use.", tuning: true },
  memory_limit: { type: "text", description: "How much memory DuckDB may use, as 4GB.", tuning: true },
  settings: {
    type: "table",
    description:
      'Any other of DuckDB\'s options by name, as in SET: { search_path = "sales", default_order = "desc" }.',
  },
}

/** Where the database is. */
export type Location =
  /** Gone when the last connection is; a name lets several connections of a process share it. */
  | { readonly kind: "memory"; readonly path: string }
  | { readonly kind: "file"; readonly path: string }
  /** Not a file of this machine: `md:…`, `https://…`. */
  | { readonly kind: "remote"; readonly path: string }

export function locate(config: SqlConfig): Location {
  refuseHost(config, "duckdb", " MotherDuck is duckdb:///md:name.")
  const { database, projectDir } = config
  const given = database ?? ""
  if (given === "" || given.startsWith(":memory:")) return { kind: "memory", path: given === "" ? ":memory:" : given }
  // One letter and a colon is a drive of Windows.
  if (/^[a-z][a-z0-9+.-]+:/i.test(given)) return { kind: "remote", path: given }
  return { kind: "file", path: filePath(given, projectDir) }
}

/** DuckDB's options out of all places, the stronger ones last. */
export function optionsOf({ settings, query, connectArgs }: SqlConfig): Record<string, string> {
  const { read_only: readOnly, config, ...unknownArgs } = connectArgs
  const [stranger] = Object.keys(unknownArgs)
  if (stranger !== undefined) {
    throw new MooringError(
      "BAD_CONFIG",
      `connect_args has the key ${JSON.stringify(stranger)}, which DuckDB has not.`,
      {
        hint: "It takes read_only and config; put DuckDB's options into the section's settings.",
      },
    )
  }
  if (Object.keys(query).some((name) => !isName(name))) throw unknownInUrl()
  const { settings: table, ...named } = settings
  return {
    ...texts(table, "settings"),
    ...texts(query, "query"),
    ...texts(config, "connect_args.config"),
    ...(readOnly === true && { access_mode: "READ_ONLY" }),
    ...texts(named, "settings"),
  }
}

function texts(table: unknown, place: string): Record<string, string> {
  const result: Record<string, string> = {}
  for (const [name, value] of Object.entries(table ?? {})) {
    if (value === undefined || value === null) continue
    if (typeof value === "object" || typeof value === "function") {
      throw new MooringError("BAD_CONFIG", `${place}.${name} is neither a text, a number nor a boolean.`, {
        hint: "DuckDB's options are single values.",
      })
    }
    const key = name.toLowerCase()
    // DuckDB reads it in any case, and then takes another spelling for another configuration.
    result[key] = key === "access_mode" ? String(value).toUpperCase() : String(value)
  }
  return result
}

/** Which options are the instance's, and which belong to each session: those that the configuration does not take. */
export function splitOptions(
  options: Readonly<Record<string, string>>,
  isConfiguration: (name: string, value: string) => boolean,
): { instance: Record<string, string>; session: [string, string][] } {
  const instance: Record<string, string> = {}
  const session: [string, string][] = []
  for (const [name, value] of Object.entries(options)) {
    if (!isName(name)) {
      throw new MooringError("BAD_CONFIG", `${JSON.stringify(name)} is not the name of an option of DuckDB.`)
    }
    // The options of an extension that is loaded later are taken by the configuration, and then fail.
    if (name !== "timezone" && name !== "calendar" && isConfiguration(name, value)) instance[name] = value
    else session.push([name, value])
  }
  return { instance, session }
}

function isName(name: string): boolean {
  return /^\w+$/.test(name)
}

/**
 * DuckDB quotes an option that it does not have. One that comes from a URL may be a piece of a password: then the error
 * that quotes nothing, else undefined.
 */
export function unknownOption(message: string, inUrl: readonly string[]): MooringError | undefined {
  const named = /(?:options were not recognized:|unrecognized configuration parameter) (.*)/.exec(message)?.[1] ?? ""
  const names: readonly string[] = named.toLowerCase().match(/\w+/g) ?? []
  return inUrl.some((name) => names.includes(name.toLowerCase())) ? unknownInUrl() : undefined
}

function unknownInUrl(): MooringError {
  return new MooringError("BAD_CONFIG", "The URL's query has a key, which DuckDB does not have as an option.", {
    hint: "select name from duckdb_settings() lists DuckDB's options.",
  })
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Options that change how a query runs and not what it returns, and those that hold secrets. */
const tuning =
  /^(access_mode|allocator_.*|checkpoint_threshold|custom_user_agent|duckdb_api|enable_progress_.*|external_threads|lock_configuration|max_memory|max_temp_directory_size|memory_limit|temp_directory|threads|wal_autocheckpoint|worker_threads)$/
const secret = /token|secret|password|credential|_key/

export function sourceOf(config: SqlConfig): Source {
  const { kind, path } = locate(config)
  const options = Object.entries(optionsOf(config)).filter(([name]) => !tuning.test(name) && !secret.test(name))
  return {
    label: kind === "file" ? config.database! : kind === "memory" ? path : path.replace(/\?.*$/, ""),
    identity: {
      database: kind === "remote" ? path.replace(/\?.*$/, "") : path,
      ...(options.length > 0 && { options: Object.fromEntries(options.sort()) }),
    },
    local: kind !== "remote",
    ephemeral: kind === "memory",
  }
}
