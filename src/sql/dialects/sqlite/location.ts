import { fileURLToPath } from "node:url"
import { MooringError } from "../../../errors.ts"
import { didYouMean } from "../../../util/suggest.ts"
import type { Source, SqlConfig } from "../../dialect.ts"
import { filePath, refuseHost } from "../../file-path.ts"

/** Where an SQLite database is. */
export interface Location {
  /** The absolute path; undefined for a database in memory. */
  readonly file: string | undefined
  /** As configured, for people. */
  readonly label: string
  readonly readOnly: boolean
  /** Nobody changes the file: SQLite reads it without locks. */
  readonly immutable: boolean
  /** Milliseconds. */
  readonly busyTimeout: number | undefined
}

/** Keys of a URL that SQLAlchemy's drivers know and that mean nothing here. */
const ignored = ["uri", "check_same_thread", "detect_types", "cached_statements", "isolation_level", "cache", "factory"]
const understood = ["mode", "immutable", "timeout"]
const keys = [...understood, ...ignored]
/** The dialect's `urlKeys`. */
export const urlKeys: RegExp = new RegExp(`^(${keys.join("|")})$`)

/**
 * Reads `database` and the URL's keys: a path, `file:…?mode=ro&immutable=1`, `:memory:`, or nothing, which is memory.
 *
 * @throws MooringError `BAD_CONFIG` for keys that are not known.
 */
export function locate(config: SqlConfig): Location {
  refuseHost(config, "sqlite")
  const database = config.database ?? ""
  const query = new URLSearchParams(config.query)
  let name = database
  if (database.startsWith("file:")) {
    const [path, rest] = splitOnce(database, "?")
    for (const [key, value] of new URLSearchParams(rest)) query.set(key, value)
    name = path.startsWith("file:///") ? fileURLToPath(path) : decodeURIComponent(path.slice("file:".length))
  }
  for (const key of query.keys()) {
    if (keys.includes(key)) continue
    throw new MooringError("BAD_CONFIG", "The URL's query has a key that sqlite connections do not have.", {
      hint: `${didYouMean(key, understood)} Those it has are ${understood.join(", ")}.`.trim(),
    })
  }
  const mode = query.get("mode") ?? "rwc"
  if (!["ro", "rw", "rwc", "memory"].includes(mode)) {
    throw new MooringError("BAD_CONFIG", "The URL's mode is none that SQLite has.", {
      hint: 'Give "ro" to read only, or leave it out.',
    })
  }
  const memory = name === "" || name === ":memory:" || mode === "memory"
  return {
    file: memory ? undefined : filePath(name, config.projectDir),
    label: memory ? ":memory:" : name,
    readOnly: mode === "ro" || config.settings.read_only === true,
    immutable: /^(1|true|yes|on)$/i.test(query.get("immutable") ?? ""),
    busyTimeout: busyTimeout(config, query.get("timeout")),
  }
}

/** SQLAlchemy's `timeout` is in seconds, in the URL and in `connect_args`. */
function busyTimeout(config: SqlConfig, inUrl: string | null): number | undefined {
  const own = config.settings.busy_timeout
  if (typeof own === "number") return notTooLong(own)
  const seconds = config.connectArgs.timeout ?? inUrl
  if (seconds === null || seconds === undefined) return undefined
  const value = Number(seconds)
  if (value >= 0) return notTooLong(value * 1000)
  throw new MooringError("BAD_CONFIG", `timeout is ${JSON.stringify(seconds)}, which is no number of seconds.`)
}

/** SQLite's own pragma has milliseconds: 5000 would be more than an hour here. */
function notTooLong(ms: number): number {
  if (ms <= 600_000) return ms
  throw new MooringError("BAD_CONFIG", `A statement would wait for a lock for ${Math.round(ms / 60_000)} minutes.`, {
    hint: 'A number is in seconds: give 5, "5s" or "5000ms". It takes 10 minutes at most.',
  })
}

/** The dialect's `source`. */
export function sourceOf(config: SqlConfig): Source {
  const { file, label } = locate(config)
  return {
    label,
    identity: { file: file ?? ":memory:" },
    local: true,
    ephemeral: file === undefined,
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)]
}
