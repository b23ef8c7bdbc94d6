import { isMooringError } from "../errors.ts"
import { withDeadline } from "../util/abort.ts"
import type { Database, Dialect, DriverConnection, SqlConfig } from "./dialect.ts"
import { echoing } from "./echo.ts"
import { connectTimeout, Pool } from "./pool.ts"

/** A driver connection that somebody has borrowed. */
export interface Borrowed {
  readonly connection: DriverConnection
  /** Gives it back; once. */
  release(used: "statement" | "session"): Promise<void>
  /** Says that what it came from is broken: the next use connects anew, others finish with theirs. */
  lost(): void
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
    const opening = (async () => {
      const database = await dialect.open(config)
      return new SqlEngine(dialect, config, echo ? echoing(database, name) : database, name)
    })()
    try {
      return await withDeadline({ signal, timeout: connectTimeout, connection: name }, late, async (within) => {
        const engine = await opening
        await engine.ping(within)
        return engine
      })
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

  async borrow(signal: AbortSignal): Promise<Omit<Borrowed, "lost">> {
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

  async ping(signal: AbortSignal): Promise<void> {
    await this.withConnection(signal, "statement", (connection) => connection.ping({ signal }))
  }

  close(): Promise<void> {
    return this.pool.close()
  }
}
