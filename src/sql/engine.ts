import { TimeoutError } from "../errors.ts"
import { withDeadline } from "../util/abort.ts"
import type { Database, Dialect, DriverConnection, SqlConfig } from "./dialect.ts"
import { echoing } from "./echo.ts"
import { Pool } from "./pool.ts"

/** How long a connect may take; milliseconds. */
const connectTimeout = 10_000

/** A driver connection that somebody has borrowed. */
export interface Borrowed {
  readonly connection: DriverConnection
  /** Gives it back; once. */
  release(used: "statement" | "session"): Promise<void>
}

/** One opened database with its pool: what a SQL connection connects to. */
export class SqlEngine {
  readonly dialect: Dialect
  readonly config: SqlConfig
  readonly pool: Pool
  readonly #database: Database

  private constructor(dialect: Dialect, config: SqlConfig, database: Database, name: string) {
    this.dialect = dialect
    this.config = config
    this.#database = database
    this.pool = new Pool(database, config.pool, name)
  }

  /**
   * Opens the database and one connection to it, so that a wrong password fails here.
   *
   * @throws the driver's error, or a `TimeoutError` after 10 s.
   */
  static async open(
    dialect: Dialect,
    config: SqlConfig,
    { name, echo, signal }: { name: string; echo: boolean; signal: AbortSignal },
  ): Promise<SqlEngine> {
    const late = `Connection "${name}" could not be made within ${connectTimeout / 1000} s.`
    const opening = dialect.open(config).then((database) => (echo ? echoing(database, name) : database))
    let engine: SqlEngine | undefined
    try {
      return await withDeadline({ signal, timeout: connectTimeout }, late, async (within) => {
        engine = new SqlEngine(dialect, config, await opening, name)
        await engine.ping(within)
        return engine
      })
    } catch (error) {
      // What opens too late is closed when it has opened.
      if (engine) await engine.close()
      else void opening.then((database) => database.close()).catch(() => undefined)
      throw error instanceof TimeoutError ? new TimeoutError(error.message, { connection: name }) : error
    }
  }

  /** The server's or library's version, where it tells. */
  get version(): string | undefined {
    return this.#database.version
  }

  async borrow(signal: AbortSignal): Promise<Borrowed> {
    const connection = await this.pool.acquire(signal)
    let released = false
    return {
      connection,
      release: async (used) => {
        if (released) return
        released = true
        await this.pool.release(connection, used)
      },
    }
  }

  /** Borrows a connection for the time of one statement. */
  async withConnection<T>(signal: AbortSignal, work: (connection: DriverConnection) => Promise<T>): Promise<T> {
    const borrowed = await this.borrow(signal)
    try {
      return await work(borrowed.connection)
    } finally {
      await borrowed.release("statement")
    }
  }

  async ping(signal: AbortSignal): Promise<void> {
    await this.withConnection(signal, (connection) => connection.ping({ signal }))
  }

  close(): Promise<void> {
    return this.pool.close()
  }
}
