import { MooringError } from "../../../errors.ts"
import { isIPv4 } from "../../../util/node.ts"
import type { Setting, Source, SqlConfig } from "../../dialect.ts"
import { readSetting } from "../../setting-values.ts"
import { systemUser } from "../../system-user.ts"

/** Where the server is, and who asks for what there. */
export interface Address {
  readonly host: string
  readonly port: number
  /** The path of a Unix socket, which is used instead of host and port. */
  readonly socket: string | undefined
  readonly database: string | undefined
  readonly user: string
}

/** MySQL's, but for `binary`, by which texts would be bytes. */
const charsets: readonly string[] = (
  "utf8mb4 utf8mb3 utf8 latin1 ascii armscii8 big5 cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 cp932 dec8 eucjpms euckr " +
  "gb18030 gb2312 gbk geostd8 greek hebrew hp8 keybcs2 koi8r koi8u latin2 latin5 latin7 macce macroman sjis swe7 tis620 ujis"
).split(" ")

/** Keys of a section that MySQL has beyond the common ones. Most are those of MySQL's own clients, or SQLAlchemy's. */
export const settings: Readonly<Record<string, Setting>> = {
  unix_socket: { type: "text", description: "The path of the server's socket, instead of host and port." },
  ssl_mode: {
    type: "text",
    description:
      "TLS, as MySQL has it: DISABLED, PREFERRED (the default), REQUIRED (encrypted, the server unchecked), VERIFY_CA, VERIFY_IDENTITY.",
    oneOf: ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"],
    tuning: true,
  },
  ssl: {
    type: "boolean",
    description: "true is ssl_mode = VERIFY_IDENTITY, with the runtime's own authorities unless ssl_ca is given.",
    tuning: true,
  },
  ssl_ca: {
    type: "text",
    description: "File with the certificates of the server's authorities; alone it means VERIFY_IDENTITY.",
    tuning: true,
  },
  ssl_cert: { type: "text", description: "File with the client's certificate.", tuning: true },
  ssl_key: { type: "text", description: "File with the client's private key.", tuning: true },
  ssl_check_hostname: {
    type: "boolean",
    description: "false checks the certificate's authority only, as VERIFY_CA.",
    tuning: true,
  },
  ssl_verify_cert: {
    type: "boolean",
    description:
      "true is VERIFY_CA with an ssl_ca and VERIFY_IDENTITY without one; false encrypts and does not check the server.",
    tuning: true,
  },
  ssl_verify_identity: {
    type: "boolean",
    description: "true is VERIFY_IDENTITY; false is ssl_check_hostname = false.",
    tuning: true,
  },
  charset: {
    type: "text",
    description: "Text always travels as utf8mb4, which has every character: here so that other drivers' URLs work.",
    oneOf: charsets,
    tuning: true,
  },
  init_command: {
    type: "text",
    description: "One statement that is run whenever a session begins, or begins anew, as SET time_zone = '+02:00'.",
  },
  collation: { type: "text", description: "How texts of statements compare (the server's own for utf8mb4)." },
  time_zone: {
    type: "text",
    description:
      "The session's time zone (+00:00), for NOW() and the like. Names need the server's tables of zones, without which CONVERT_TZ is NULL. A Date is the same instant in every zone but SYSTEM, which only the server knows.",
  },
  zero_dates: {
    type: "text",
    description: "What dates that no calendar has (0000-00-00) become: error (the default) or null.",
    oneOf: ["error", "null"],
  },
  sql_mode: { type: "text", description: "The session's sql_mode (the server's)." },
  statement_timeout: {
    type: "duration",
    description: "After how long the server itself cancels a statement; MySQL cancels only SELECT.",
    tuning: true,
  },
  connect_timeout: { type: "duration", description: "How long one attempt to connect may take.", tuning: true },
}

/** Keys of URLs and of connect_args that other drivers have, and that have no meaning or no other one here. */
export const urlKeys =
  /^(auth_plugin_map|autocommit|binary_prefix|buffered|conv|cursorclass|defer_connect|local_infile|program_name|raise_on_warnings|raw|read_default_file|read_default_group|read_timeout|sql_auto_is_null|use_pure|use_unicode|write_timeout)$/

/** What `mysql2` may be told besides: what changes neither how rows are read nor how values are bound. */
const passedOn: readonly string[] = [
  "authPlugins",
  "compress",
  "connectAttributes",
  "enableCleartextPlugin",
  "enableKeepAlive",
  "insecureAuth",
  "keepAliveInitialDelay",
  "localAddress",
  "password1",
  "password2",
  "password3",
  "passwordSha1",
]

/** All keys of connect_args beyond the settings. */
export const connectArgs: RegExp = new RegExp(`${urlKeys.source}|^(${passedOn.join("|")})$`)

/** The address, with MySQL's defaults for what is not configured. */
export function addressOf(config: SqlConfig): Address {
  const { own } = settingsOf(config)
  const { host = "localhost", port = 3306, database, username } = config
  const socket = own.unix_socket === undefined ? undefined : String(own.unix_socket)
  return {
    host,
    port,
    socket: socket ?? (host.startsWith("/") ? host : undefined),
    database,
    user: username || systemUser("MySQL"),
  }
}

/** A section's settings, those in its connect_args included. */
export interface MysqlSettings {
  readonly [name: string]: unknown
}

/** @throws MooringError `BAD_CONFIG` for keys that neither MySQL nor `mysql2` has. */
export function settingsOf(config: SqlConfig): { own: MysqlSettings; driver: MysqlSettings } {
  const own = new Map<string, unknown>()
  const driver = new Map<string, unknown>()
  for (const [name, value] of Object.entries(config.connectArgs)) {
    const setting = Object.hasOwn(settings, name) ? settings[name] : undefined
    // SQLAlchemy's drivers take a table here, with paths.
    if (name === "ssl" && typeof value === "object" && value !== null) layTls(own, value)
    else if (setting) own.set(name, readSetting(value, setting, `connect_args.${name}`))
    else if (passedOn.includes(name)) driver.set(name, value)
    else if (!urlKeys.test(name)) throw stranger(name, "connect_args has", passedOn)
  }
  for (const [name, value] of Object.entries(config.settings)) own.set(name, value)
  return { own: Object.fromEntries(own), driver: Object.fromEntries(driver) }
}

function layTls(own: Map<string, unknown>, table: object): void {
  for (const [key, value] of Object.entries(table)) {
    const name = key === "check_hostname" ? "ssl_check_hostname" : `ssl_${key}`
    const setting = Object.hasOwn(settings, name) ? settings[name] : undefined
    if (setting === undefined) throw stranger(key, "connect_args.ssl has", ["ca", "cert", "key", "check_hostname"])
    own.set(name, readSetting(value, setting, `connect_args.ssl.${key}`))
  }
  // An empty table asks for TLS, and not for more.
  if (!own.has("ssl_ca") && !own.has("ssl_mode")) own.set("ssl_mode", "REQUIRED")
}

function stranger(name: string, where: string, others: readonly string[]): MooringError {
  const known = where.includes("ssl") ? others : [...Object.keys(settings), ...others]
  return new MooringError("BAD_CONFIG", `${where} ${JSON.stringify(name)}, which MySQL connections have not.`, {
    hint: `It takes ${known.join(", ")}.`,
  })
}

/** The dialect's `source`. */
export function sourceOf(config: SqlConfig): Source {
  const { host, port, socket, database, user } = addressOf(config)
  const { own, driver } = settingsOf(config)
  const others = Object.entries({ ...driver, ...own }).filter(
    ([name]) => name !== "unix_socket" && !/^password/.test(name) && settings[name]?.tuning !== true,
  )
  const place = socket ?? `${host.includes(":") ? `[${host}]` : host}:${port}`
  return {
    label: database === undefined ? place : `${place}/${database}`,
    identity: {
      ...(socket === undefined ? { host, port } : { socket }),
      database: database ?? null,
      user,
      ...(others.length > 0 && { options: Object.fromEntries(others.sort()) }),
    },
    local: socket !== undefined || isLoopback(host),
    ephemeral: false,
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (host.startsWith("127.") && isIPv4(host))
}
