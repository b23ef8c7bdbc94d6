import type {
  Database,
  Dialect,
  DriverConnection,
  RunOptions,
  RunResult,
  Statement,
  StreamOptions,
} from "../../src/sql/dialect.ts"

/** What a test makes of a statement before the database gets it. */
export type Interference = (statement: Statement, options: RunOptions | StreamOptions) => Promise<unknown> | undefined

/** A link that broke, as a server's would. */
export class BrokenLink extends Error {}

/** A server that is not ready yet. */
export class NotReady extends Error {}

/** A dialect from outside that is one of ours, and counts what reaches the driver. */
export class WatchedDialect {
  readonly dialect: Dialect
  /** The statements that reached the driver, streamed ones included. */
  readonly statements: string[] = []
  /** Physical connections that are open now, and those that were ever made. */
  open = 0
  made = 0
  /** How often the database was opened: a reset opens it again. */
  opened = 0
  /** Called before each connect; what it throws is the driver's failure. */
  onConnect: ((signal: AbortSignal) => Promise<unknown> | undefined) | undefined
  /** Called before each statement. */
  interfere: Interference | undefined

  constructor(inner: Dialect) {
    this.dialect = {
      ...inner,
      open: async (config) => {
        const database = await inner.open(config)
        this.opened++
        return this.#watchDatabase(database)
      },
      classify: (error) => {
        if (error instanceof BrokenLink) return { action: "lost", kind: "connection" }
        if (error instanceof NotReady) return { action: "wait", kind: "connection" }
        return inner.classify(error)
      },
    }
  }

  /** How often a statement reached the driver. */
  count(text: string): number {
    return this.statements.filter((statement) => statement === text).length
  }

  forget(): void {
    this.statements.length = 0
  }

  #watchDatabase(database: Database): Database {
    return {
      get engine() {
        return database.engine
      },
      get version() {
        return database.version ?? ""
      },
      connect: async (options) => {
        await this.onConnect?.(options.signal)
        const connection = await database.connect(options)
        this.open++
        this.made++
        return this.#watchConnection(connection)
      },
      close: () => database.close(),
    }
  }

  #watchConnection(connection: DriverConnection): DriverConnection {
    let isBroken = false
    const before = async (statement: Statement, options: RunOptions | StreamOptions) => {
      this.statements.push(statement.text)
      try {
        await this.interfere?.(statement, options)
      } catch (error) {
        isBroken ||= error instanceof BrokenLink
        throw error
      }
    }
    return {
      get raw() {
        return connection.raw
      },
      get usable() {
        return connection.usable && !isBroken
      },
      get inTransaction() {
        return connection.inTransaction
      },
      handOut: async (options) => connection.handOut?.(options),
      run: async (statement, options): Promise<RunResult> => {
        await before(statement, options)
        return connection.run(statement, options)
      },
      stream: async (statement, options) => {
        await before(statement, options)
        return connection.stream(statement, options)
      },
      ping: (options) => connection.ping(options),
      reset: () => connection.reset(),
      close: async () => {
        this.open--
        await connection.close()
      },
    }
  }
}
