import { MooringError } from "../../../errors.ts"
import { warnOnce } from "../../../util/warn.ts"
import type { Database, DriverConnection, SqlConfig } from "../../dialect.ts"
import { PortWatch } from "../../port-watch.ts"
import { type Address, addressOf, type PostgresSettings, settingsOf } from "./address.ts"
import { TypeCatalog } from "./catalog.ts"
import { PostgresConnection } from "./connection.ts"
import { type Client, type ClientConfig, loadPg, type Pg } from "./driver.ts"
import { Guard } from "./guard.ts"
import { passwordFromFile } from "./pgpass.ts"
import { mayChangeSecurity, type Security, securityOf } from "./tls.ts"
import { Typings } from "./typing.ts"
import { ProtocolError } from "./wire/framer.ts"
import { type ColumnarWire, columnarWire } from "./wire/wire.ts"

/** How long a link may be silent before the operating system looks whether it still stands; milliseconds. */
const keepAliveAfter = 30_000

/** The dialect's `open`: loads `pg`; nothing is connected yet. */
export async function openPostgres(config: SqlConfig): Promise<Database> {
  const pg = await loadPg(config.projectDir)
  if (process.env.PGSERVICE && config.host === undefined) {
    warnOnce("PGSERVICE", "PGSERVICE is ignored: service files are not supported. Write out what the service has.")
  }
  return new PostgresDatabase(pg, config)
}

class PostgresDatabase implements Database {
  readonly engine: Pg
  version?: string
  private readonly config: SqlConfig
  private readonly address: Address
  private readonly own: PostgresSettings
  private readonly driver: PostgresSettings
  private readonly catalog = new TypeCatalog()
  private readonly typings = new Typings()
  private readonly guard = new Guard()

  constructor(pg: Pg, config: SqlConfig) {
    this.engine = pg
    this.config = config
    this.address = addressOf(config)
    const { own, driver } = settingsOf(config)
    this.own = own
    this.driver = driver
  }

  async connect({ signal }: { signal: AbortSignal }): Promise<DriverConnection> {
    const securities = securityOf(this.own, this.address.host, this.config.projectDir)
    for (const [i, security] of securities.entries()) {
      try {
        return await this.connectWith(security, signal)
      } catch (error) {
        if (i + 1 === securities.length || !mayChangeSecurity(error)) throw error
      }
    }
    throw new TypeError("There is at least one way to connect.")
  }

  async close(): Promise<void> {}

  private async connectWith(ssl: Security, signal: AbortSignal): Promise<DriverConnection> {
    signal.throwIfAborted()
    const wireConfig = { ssl, keepAlive: true, keepAliveInitialDelayMillis: keepAliveAfter }
    const wire = columnarWire(this.engine, wireConfig)
    const client = new this.engine.Client(this.clientConfig(ssl, wire))
    // An error between the handshake and the first use must not end the process.
    client.on("error", () => undefined)
    this.addStartupParameters(client)
    const refusal = this.listen(wire)
    const watch = this.watch(wire)
    const abort = () => {
      watch.end()
      wire.stream.destroy()
    }
    signal.addEventListener("abort", abort, { once: true })
    try {
      await client.connect()
      if (refusal.error !== undefined) throw refusal.error
    } catch (error) {
      wire.stream.destroy()
      const explained = await watch.explain(error)
      if (signal.aborted) throw signal.reason
      throw explained instanceof ProtocolError ? notPostgres(explained) : explained
    } finally {
      watch.end()
      signal.removeEventListener("abort", abort)
    }
    watch.settle()
    const version = wire.parameters.get("server_version")
    if (version !== undefined) this.version = version
    return new PostgresConnection({
      client,
      wire,
      catalog: this.catalog,
      typings: this.typings,
      guard: this.guard,
      target: { pg: this.engine, host: this.address.host, port: this.address.port, wire: { ssl } },
      keepsStatements: this.own.prepared_statements !== "unnamed",
    })
  }

  /** Finds out whether it is another server that answers. */
  private watch(wire: ColumnarWire): PortWatch {
    const { host, port } = this.address
    const isFile = host.startsWith("/")
    return new PortWatch({
      socket: wire.stream,
      address: isFile ? { path: `${host}/.s.PGSQL.${port}` } : { host, port },
      place: isFile ? host : `${host}:${port}`,
      expected: "PostgreSQL",
      head: () => wire.head,
      fail: (error) => wire.stream.destroy(error),
    })
  }

  private clientConfig(ssl: Security, connection: ColumnarWire): ClientConfig {
    const { host, port, database, user } = this.address
    const { application_name, options, statement_timeout, connect_timeout, channel_binding } = this.own
    return {
      ...this.driver,
      host,
      port,
      user,
      database,
      ssl,
      connection,
      password: this.config.password ?? (process.env.PGPASSWORD || (() => this.password())),
      fallback_application_name: "mooring",
      enableChannelBinding: channel_binding === "prefer" || channel_binding === "require",
      ...(application_name !== undefined && { application_name: String(application_name) }),
      ...(options !== undefined && { options: String(options) }),
      ...(isDuration(statement_timeout) && { statement_timeout: Math.ceil(statement_timeout) }),
      ...(isDuration(connect_timeout) && { connectionTimeoutMillis: connect_timeout }),
    }
  }

  /** Called only when the server asks for one. */
  private password(): string {
    const found = passwordFromFile(this.address)
    if (found !== undefined) return found
    throw new MooringError("CONNECT", `The server asks for the password of ${JSON.stringify(this.address.user)}.`, {
      hint: "None is configured: set password.",
    })
  }

  /** What `pg` has no setting for. */
  private addStartupParameters(client: Client): void {
    const { search_path, role } = this.own
    const { isolation } = this.config
    const standard = client.getStartupConf.bind(client)
    client.getStartupConf = () => ({
      ...standard(),
      // Dates inside ranges, composites and other texts: ISO, whatever the database's setting.
      DateStyle: "ISO",
      ...(search_path !== undefined && { search_path: String(search_path) }),
      ...(role !== undefined && { role: String(role) }),
      // The server's own name of a snapshot.
      ...(isolation !== undefined && {
        default_transaction_isolation: isolation === "snapshot" ? "repeatable read" : isolation,
      }),
    })
  }

  /** Hears whether the server binds the password to the link, where it must. */
  private listen(wire: ColumnarWire): { error?: MooringError } {
    const refusal: { error?: MooringError } = {}
    if (this.own.channel_binding !== "require") return refusal
    const refuse = () => {
      refusal.error = new MooringError("CONNECT", "The server does not tie the password's exchange to the TLS link.", {
        hint: 'Take channel_binding = "require" out, if the network may be trusted.',
      })
      wire.stream.destroy(refusal.error)
    }
    let bound = false
    wire.on("authenticationSASL", ({ mechanisms }: { mechanisms: readonly string[] }) => {
      bound = mechanisms.includes("SCRAM-SHA-256-PLUS")
      if (!bound) refuse()
    })
    for (const other of ["authenticationCleartextPassword", "authenticationMD5Password"]) wire.on(other, refuse)
    wire.on("authenticationOk", () => {
      if (!bound) refuse()
    })
    return refusal
  }
}

function isDuration(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value)
}

/** A login that broke is not tried again: what does not speak the protocol will not learn it. */
function notPostgres(error: ProtocolError): MooringError {
  return new MooringError("CONNECT", error.message, {
    cause: error,
    hint: "Check host and port: is it PostgreSQL that listens there?",
  })
}
