import { connect as dial } from "node:net"
import { MooringError } from "../../../errors.ts"
import type { Database, DriverConnection, SqlConfig } from "../../dialect.ts"
import { PortWatch } from "../../port-watch.ts"
import { type Address, addressOf, type MysqlSettings, settingsOf, sourceOf } from "./address.ts"
import { ProtocolError } from "./columns/reader.ts"
import type { ZeroDates } from "./columns/temporal.ts"
import { MysqlConnection } from "./connection.ts"
import { type Connection, type ConnectionConfig, conceal, type Handshake, loadMysql2, type Mysql2 } from "./driver.ts"
import { Enforcement } from "./enforcement.ts"
import { Refusals } from "./refusals.ts"
import { serverKind } from "./server.ts"
import { sessionSettings } from "./session-settings.ts"
import { SessionState } from "./session-state.ts"
import { hostForTls, lacksTls, type Security, securityOf } from "./tls.ts"
import { type ReadTarget, Wire } from "./wire/wire.ts"

/** How long a link may be silent before the operating system looks whether it still stands; milliseconds. */
const keepAliveAfter = 30_000

/** How long the connection for a KILL QUERY may take; milliseconds. */
const asidePatience = 2_000

/** Statements kept on each connection; the server has room for some 16,000 of all its clients. */
const mostStatements = 128

/** The dialect's `open`: loads `mysql2`; nothing is connected yet. */
export async function openMysql(config: SqlConfig): Promise<Database> {
  const mysql2 = await loadMysql2(config.projectDir)
  return new MysqlDatabase(mysql2, config)
}

class MysqlDatabase implements Database {
  readonly engine: Mysql2
  version?: string
  private readonly config: SqlConfig
  private readonly address: Address
  private readonly own: MysqlSettings
  private readonly driver: MysqlSettings
  private readonly enforcement: Enforcement
  private readonly refusals = new Refusals()

  constructor(mysql2: Mysql2, config: SqlConfig) {
    this.engine = mysql2
    this.config = config
    this.address = addressOf(config)
    const { own, driver } = settingsOf(config)
    this.own = own
    this.driver = driver
    this.enforcement = new Enforcement(this.address.database)
  }

  async connect({ signal }: { signal: AbortSignal }): Promise<DriverConnection> {
    const securities = securityOf(this.own, this.address, this.config.projectDir)
    for (const [i, security] of securities.entries()) {
      try {
        return await this.connectWith(security, signal)
      } catch (error) {
        if (i + 1 === securities.length || !lacksTls(error)) throw error
      }
    }
    throw new TypeError("There is at least one way to connect.")
  }

  async close(): Promise<void> {}

  private async connectWith(security: Security, signal: AbortSignal): Promise<DriverConnection> {
    const patience = this.own.connect_timeout
    const timeout = typeof patience === "number" && Number.isFinite(patience) ? patience : 0
    const { wire, handshake } = await this.shakeHands(security, timeout, signal)
    const server = serverKind(handshake.serverVersion)
    this.version = server.version
    const connection = new MysqlConnection({
      wire,
      state: new SessionState(sessionSettings(this.own, server, this.config.isolation)),
      enforcement: this.enforcement,
      refusals: this.refusals,
      database: this.address.database,
      zeroDates: this.own.zero_dates as ZeroDates | undefined,
      typed: this.engine.TypedParameter,
      openAside: (started) => this.openAside(security, started),
    })
    try {
      await connection.setUp(signal)
      return connection
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  private async openAside(security: Security, started: (connection: Connection) => void): Promise<Connection> {
    const { wire } = await this.shakeHands(security, asidePatience, new AbortController().signal, started)
    return wire.raw
  }

  /** Leaves no socket behind when it fails. */
  private async shakeHands(
    security: Security,
    timeout: number,
    signal: AbortSignal,
    started: (connection: Connection) => void = () => undefined,
  ): Promise<{ wire: Wire; handshake: Handshake }> {
    signal.throwIfAborted()
    const wire = new Wire((target) => this.engine.createConnection(this.driverConfig(security, timeout, target)))
    const { raw } = wire
    conceal(raw, sourceOf(this.config).label)
    // An error between the handshake and the first use must not end the process.
    raw.on("error", () => undefined)
    started(raw)
    const watch = this.watch(wire)
    const abort = () => {
      watch.end()
      raw.stream.destroy(new Error("Nobody waits for the connection any more."))
    }
    signal.addEventListener("abort", abort, { once: true })
    try {
      const handshake = await new Promise<Handshake>((resolve, reject) => {
        raw.connect((error, told) => (error || told === undefined ? reject(error) : resolve(told)))
      })
      wire.loggedIn()
      watch.settle()
      return { wire, handshake }
    } catch (error) {
      raw.stream.destroy()
      const explained = await watch.explain(error)
      if (signal.aborted) throw signal.reason
      throw explained instanceof ProtocolError ? notMysql(explained) : explained
    } finally {
      watch.end()
      signal.removeEventListener("abort", abort)
    }
  }

  /** Finds out whether it is another server that answers. */
  private watch(wire: Wire): PortWatch {
    const { raw } = wire
    const { host, port, socket } = this.address
    return new PortWatch({
      socket: raw.stream,
      address: socket === undefined ? { host, port } : { path: socket },
      place: socket ?? `${host}:${port}`,
      expected: "MySQL",
      head: () => wire.head,
      fail: (error) => raw.stream.destroy(error),
    })
  }

  private driverConfig(security: Security, connectTimeout: number, target: ReadTarget): ConnectionConfig {
    const { host, port, socket, user, database } = this.address
    const { password } = this.config
    const place = socket === undefined ? { host: hostForTls(host, security), port } : { socketPath: socket }
    const dialled = socket === undefined ? { host, port } : { path: socket }
    return {
      enableKeepAlive: true,
      keepAliveInitialDelay: keepAliveAfter,
      ...this.driver,
      ...place,
      // The name that TLS checks may be written in another way than the one that is dialled.
      stream: () =>
        dial({
          ...dialled,
          noDelay: true,
          keepAlive: true,
          keepAliveInitialDelay: keepAliveAfter,
          // TLS and compression read the socket in their own way.
          ...(security === undefined && !this.driver.compress && { onread: target }),
        }),
      user,
      connectTimeout,
      charset: "utf8mb4",
      // Dates are bound as those of UTC.
      timezone: "Z",
      maxPreparedStatements: mostStatements,
      multipleStatements: false,
      // No server may ask for files of this machine.
      flags: ["-LOCAL_FILES"],
      ...(password !== undefined && { password }),
      ...(database !== undefined && { database }),
      ...(security !== undefined && { ssl: security }),
    }
  }
}

/** A login that broke is not tried again: what does not speak the protocol will not learn it. */
function notMysql(error: ProtocolError): MooringError {
  return new MooringError("CONNECT", error.message, {
    cause: error,
    hint: "Check host and port: is it MySQL that listens there?",
  })
}
