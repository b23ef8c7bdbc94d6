import type { Database, DriverConnection, Statement } from "./dialect.ts"

/**
 * SQLAlchemy's `echo`: the same database, which tells each statement on stderr before it runs. Values are left out.
 *
 * @param name the connection's.
 */
export function echoing(database: Database, name: string): Database {
  const tell = ({ text }: Statement) => process.stderr.write(`[${name}] ${text}\n`)
  const echo = (connection: DriverConnection): DriverConnection => ({
    get raw() {
      return connection.raw
    },
    get failure() {
      return connection.failure
    },
    get usable() {
      return connection.usable
    },
    get inTransaction() {
      return connection.inTransaction
    },
    run: (statement, options) => {
      tell(statement)
      return connection.run(statement, options)
    },
    stream: (statement, options) => {
      tell(statement)
      return connection.stream(statement, options)
    },
    ping: (options) => connection.ping(options),
    handOut: async (options) => connection.handOut?.(options),
    reset: () => connection.reset(),
    close: () => connection.close(),
  })
  return {
    get engine() {
      return database.engine
    },
    get version() {
      return database.version
    },
    get concurrentReads() {
      return database.concurrentReads
    },
    connect: async (options) => echo(await database.connect(options)),
    close: () => database.close(),
  }
}
