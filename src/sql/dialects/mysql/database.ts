import { connect as dial } from "node:net"
import type { Database, DriverConnection, SqlConfig } from "../../dialect.ts"
import { type Address, addressOf, type MysqlSettings, settingsOf } from "./address.ts"
import type { ZeroDates } from "./columns/temporal.ts"
import { MysqlConnection } from "./connection.ts"
import { type Connection, type ConnectionConfig, type Handshake, loadMysql2, type Mysql2 } from "./driver.ts"
import { serverKind } from "./server.ts"
import { SessionState } from "./session-state.ts"
import { hostForTls, lacksTls, type Security, securityOf } from "./tls.ts"

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

  constructor(mysql2: Mysql2, config: SqlConfig) {
    this.engine = mysql2
    this.config = config
    this.address = addressOf(config)
    const { own, driver } = settingsOf(config)
    this.own = own
    this.driver = driver
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
    const { raw, handshake } = await this.shakeHands(this.driverConfig(security, timeout), signal)
    const server = serverKind(handshake.serverVersion)
    this.version = server.version
    const connection = new MysqlConnection({
      raw,
      state: new SessionState(this.own, server),
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
    const config = this.driverConfig(security, asidePatience)
    const { raw } = await this.shakeHands(config, new AbortController().signal, started)
    return raw
  }

  /** Leaves no socket behind when it fails. */
  private async shakeHands(
    config: ConnectionConfig,
    signal: AbortSignal,
    started: (connection: Connection) => void = () => undefined,
  ): Promise<{ raw: Connection; handshake: Handshake }> {
    signal.throwIfAborted()
    const raw = this.engine.createConnection(config)
    // An error between the handshake and the first use must not end the process.
    raw.on("error", () => undefined)
    started(raw)
    const abort = () => raw.stream.destroy(new Error("Nobody waits for the connection any more."))
    signal.addEventListener("abort", abort, { once: true })
    try {
      const handshake = await new Promise<Handshake>((resolve, reject) => {
        raw.connect((error, told) => (error || told === undefined ? reject(error) : resolve(told)))
      })
      return { raw, handshake }
    } catch (error) {
      raw.stream.destroy()
      throw signal.aborted ? signal.reason : error
    } finally {
      signal.removeEventListener("abort", abort)
    }
  }

  private driverConfig(security: Security, connectTimeout: number): ConnectionConfig {
    const { host, port, socket, user, database } = this.address
    const { password } = this.config
    const place = socket === undefined ? { host: hostForTls(host, security), port } : { socketPath: socket }
    return {
      enableKeepAlive: true,
      keepAliveInitialDelay: keepAliveAfter,
      ...this.driver,
      ...place,
      // The name that TLS checks may be written in another way than the one that is dialled.
      ...(socket === undefined && {
        stream: () => dial({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveAfter }),
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
