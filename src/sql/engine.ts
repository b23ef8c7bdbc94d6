import { isMooringError } from "../errors.ts"
import { withDeadline } from "../util/abort.ts"
import type { Database, Dialect, DriverConnection, SqlConfig } from "./dialect.ts"
import { echoing } from "./echo.ts"
import { connectTimeout } from "./opener.ts"
import { Pool, type PoolHost } from "./pool.ts"
import { actionOf } from "./query-error.ts"
import { ReadTurns } from "./read-turns.ts"

/** A driver connection that somebody has borrowed. */
export interface Borrowed {
  readonly connection: DriverConnection
  /** Gives it back; once. */
  release(used: "statement" | "session"): Promise<void>
  /** Says that it broke, and that what came from the same place may be broken too. */
  lost(): void
}

/** One opened database with its pool: what a SQL connection connects to. */
export class SqlEngine {
  readonly dialect: Dialect
  readonly config: SqlConfig
  readonly pool: Pool
  /** Absent where every query may have a connection. */
  readonly reads: ReadTurns | undefined
  readonly #database: Database

  private constructor(dialect: Dialect, config: SqlConfig, database: Database, host: PoolHost) {
    this.dialect = dialect
    this.config = config
    this.#database = database
    this.pool = new Pool(database, config.pool, host)
    const most = database.concurrentReads
    this.reads = most === undefined ? undefined : new ReadTurns(most, host.name, config.pool.timeout)
  }

  /**
   * Opens the database and one connection to it, so that a wrong password fails here.
   *
   * @throws the driver's error, or a `TimeoutError`: after 10 s without an answer, or after the pool's timeout where a pool
   * that is on its way out still has all places.
   */
  static async open(
    dialect: Dialect,
    config: SqlConfig,
    { echo, signal, ...host }: PoolHost & { echo: boolean; signal: AbortSignal },
  ): Promise<SqlEngine> {
    const { name } = host
    const late = `Connection "${name}" could not be made within ${connectTimeout / 1000} s.`
    const limits = { signal, timeout: connectTimeout, connection: name }
    const opening = (async () => {
      const database = await dialect.open(config)
      return new SqlEngine(dialect, config, echo ? echoing(database, name) : database, host)
    })()
    try {
      const engine = await withDeadline(limits, late, () => opening)
      await engine.withConnection(signal, "statement", (connection) =>
        withDeadline(limits, late, (within) => connection.ping({ signal: within })),
      )
      return engine
    } catch (error) {
      // What opens too late is closed when it has opened, and nobody waits for what hangs.
      const closed = opening.then((engine) => engine.close()).catch(() => undefined)
      if (!signal.aborted && !isMooringError(error, "TIMEOUT")) await closed
      throw error
    }
  }

  /** The server's or library's version, where it tells. */
  get version(): string | undefined {
    return this.#database.version
  }

  /**
   * Borrows a connection for the time of one statement.
   *
   * @param used `session` for a statement that may leave something in its session: a setting, a temporary table.
   */
  async withConnection<T>(
    signal: AbortSignal,
    used: "statement" | "session",
    work: (connection: DriverConnection) => Promise<T>,
  ): Promise<T> {
    const connection = await this.pool.acquire(signal)
    try {
      return await work(connection)
    } finally {
      await this.pool.release(connection, used)
    }
  }

  /** One connection that broke says nothing of the server: another one is asked before it is called dead. */
  async ping(signal: AbortSignal): Promise<void> {
    const ping = () => this.withConnection(signal, "statement", (connection) => connection.ping({ signal }))
    try {
      await ping()
    } catch (error) {
      if (signal.aborted || actionOf(error, this.dialect) !== "lost") throw error
      this.pool.suspect()
      await ping()
    }
  }

  close(): Promise<void> {
    return this.pool.close()
  }
}
