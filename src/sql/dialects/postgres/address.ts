import { MooringError } from "../../../errors.ts"
import { isIPv4 } from "../../../util/node.ts"
import type { Setting, Source, SqlConfig } from "../../dialect.ts"
import { readSetting } from "../../setting-values.ts"
import { systemUser } from "../../system-user.ts"

/** Where the server is, and who asks for what there. */
export interface Address {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
}

/** Keys of a section that PostgreSQL has beyond the common ones. Most are libpq's, and mean what they mean there. */
export const settings: Readonly<Record<string, Setting>> = {
  sslmode: {
    type: "text",
    description: "TLS, as libpq has it (prefer). With require the link is encrypted and the server is not checked.",
    oneOf: ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
    tuning: true,
  },
  ssl: {
    type: "boolean",
    description: "true is sslmode = verify-full, with the runtime's own authorities unless sslrootcert is given.",
    otherwise: "sslmode",
    tuning: true,
  },
  sslrootcert: {
    type: "text",
    description: "File with the certificates of the server's authorities, or system for the runtime's own.",
    tuning: true,
  },
  sslcert: { type: "text", description: "File with the client's certificate.", tuning: true },
  sslkey: { type: "text", description: "File with the client's private key.", tuning: true },
  channel_binding: {
    type: "text",
    description: "Whether the password's exchange is tied to the TLS link (disable).",
    oneOf: ["disable", "prefer", "require"],
    tuning: true,
  },
  application_name: {
    type: "text",
    description: "What pg_stat_activity shows (mooring).",
    tuning: true,
  },
  search_path: { type: "text", description: "Schemas in which unqualified names are looked for: sales, public." },
  role: { type: "text", description: "The role that statements run as, as after SET ROLE." },
  options: { type: "text", description: "Command-line options for the server's process: -c geqo=off." },
  statement_timeout: {
    type: "duration",
    description: "After how long the server itself cancels a statement.",
    tuning: true,
  },
  connect_timeout: { type: "duration", description: "How long one attempt to connect may take.", tuning: true },
  prepared_statements: {
    type: "text",
    description:
      "named keeps prepared statements on each connection; unnamed keeps none, which pgbouncer's transaction mode needs.",
    oneOf: ["named", "unnamed"],
    tuning: true,
  },
}

/** Keys of URLs that other drivers have, and that have no meaning or no other one here. */
export const urlKeys =
  /^(async_fallback|client_encoding|gssencmode|keepalives.*|krbsrvname|sslcompression|sslsni|tcp_user_timeout)$/

/** libpq's variables for settings. */
const variables: Readonly<Record<string, string>> = {
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  channel_binding: "PGCHANNELBINDING",
  application_name: "PGAPPNAME",
  options: "PGOPTIONS",
  connect_timeout: "PGCONNECT_TIMEOUT",
}

/** The address, with libpq's variables and defaults for what is not configured. */
export function addressOf({ host, port, database, username }: SqlConfig): Address {
  const { PGHOSTADDR, PGHOST, PGPORT, PGDATABASE, PGUSER } = process.env
  const user = username || PGUSER || systemUser("PostgreSQL")
  return {
    host: host || PGHOSTADDR || PGHOST || "localhost",
    port: port ?? readPort(PGPORT),
    database: database || PGDATABASE || user,
    user,
  }
}

function readPort(text: string | undefined): number {
  if (!text) return 5432
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new MooringError("BAD_CONFIG", "The environment variable PGPORT is no port.", {
    hint: "Give a whole number from 1 to 65535.",
  })
}

/** A driver's settings out of all places: the section, its connect_args, libpq's variables. */
export interface PostgresSettings {
  readonly [name: string]: unknown
}

export function settingsOf(config: SqlConfig): { own: PostgresSettings; driver: PostgresSettings } {
  const own = new Map<string, unknown>()
  const driver = new Map<string, unknown>()
  for (const [name, variable] of Object.entries(variables)) {
    const value = process.env[variable]
    if (value) own.set(name, readSetting(value, settings[name]!, `the environment variable ${variable}`))
  }
  for (const [name, value] of Object.entries(config.connectArgs)) {
    const setting = Object.hasOwn(settings, name) ? settings[name] : undefined
    if (setting) own.set(name, readSetting(value, setting, `connect_args.${name}`))
    else driver.set(name, value)
  }
  for (const [name, value] of Object.entries(config.settings)) own.set(name, value)
  return { own: Object.fromEntries(own), driver: Object.fromEntries(driver) }
}

/** The dialect's `source`. */
export function sourceOf(config: SqlConfig): Source {
  const { host, port, database, user } = addressOf(config)
  const { own, driver } = settingsOf(config)
  const others = Object.entries({ ...driver, ...own }).filter(([name]) => settings[name]?.tuning !== true)
  return {
    label: `${host.includes(":") ? `[${host}]` : host}:${port}/${database}`,
    identity: { host, port, database, user, ...(others.length > 0 && { options: Object.fromEntries(others.sort()) }) },
    local: isLocal(host),
    ephemeral: false,
  }
}

function isLocal(host: string): boolean {
  return host.startsWith("/") || host === "localhost" || host === "::1" || (host.startsWith("127.") && isIPv4(host))
}
