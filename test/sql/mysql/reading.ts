import * as mysql2 from "mysql2"
import { onTestFinished } from "vitest"
import type { ColumnDefinition } from "../../../src/sql/dialects/mysql/driver.ts"
import { type RowOptions, RowReader, TextRowReader } from "../../../src/sql/dialects/mysql/rows.ts"
import type { Table } from "../../../src/tables/index.ts"
import { type MariaDBAddress, newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { type ServerTest, testWith } from "../../support/server-test.ts"

/** A test that needs a server. */
export const onServer: ServerTest = testWith("mariadb")

/** What a reader is made with. */
export type Options = Partial<RowOptions>

/** Somebody who takes the rows of one result. */
type Rows = RowReader | TextRowReader

type Packet = { buffer: Buffer; offset: number; end: number }

/** The parts of mysql2's commands that its types leave out. */
interface Command {
  buildParserFromFields: (fields: ColumnDefinition[]) => new () => { next(packet: Packet): void }
  _currentRows: { push(): void }
  on(event: "fields", listener: (fields: ColumnDefinition[]) => void): void
}

/** mysql2's own connection, of which only the rows are read by what is tested. */
export class Link {
  readonly raw: mysql2.Connection

  constructor(address: MariaDBAddress, changes: mysql2.ConnectionOptions = {}) {
    const { username, ...place } = address
    this.raw = mysql2.createConnection({ ...place, user: username, charset: "utf8mb4", timezone: "Z", ...changes })
    this.raw.on("error", () => undefined)
  }

  /** Runs statements one after the other, and leaves their results. */
  async run(...statements: string[]): Promise<void> {
    for (const sql of statements) {
      await new Promise<void>((resolve, reject) => {
        this.raw.query(sql, (error) => (error ? reject(error) : resolve()))
      })
    }
  }

  /** A statement's rows by the binary protocol. */
  read(sql: string, values: unknown[] = [], options: Options = {}): Promise<Table> {
    return this.take((done) => {
      const command = this.raw.execute({ sql, values: values as never }, done) as unknown as Command
      let reader: Rows | undefined
      const taken = new Taken(() => reader!)
      command.buildParserFromFields = (fields) => {
        command._currentRows = { push: () => undefined }
        reader = new RowReader(fields, complete(options))
        return taken.parser
      }
      return taken
    })
  }

  /** The same by the text protocol. */
  readText(sql: string, options: Options = {}): Promise<Table> {
    return this.take((done) => {
      const command = this.raw.query({ sql }, done) as unknown as Command
      let reader: Rows | undefined
      const taken = new Taken(() => reader!)
      command.on("fields", (fields) => {
        command._currentRows = { push: () => undefined }
        reader = new TextRowReader(fields, complete(options))
      })
      const parser = new taken.parser()
      Object.defineProperty(command, "_rowParser", { get: () => parser, set: () => undefined })
      return taken
    })
  }

  close(): void {
    this.raw.destroy()
  }

  private take(start: (done: (error: unknown) => void) => Taken): Promise<Table> {
    return new Promise((resolve, reject) => {
      const taken: Taken = start((error) => {
        try {
          if (error) throw error
          resolve(taken.table())
        } catch (cause) {
          reject(cause)
        }
      })
    })
  }
}

/** A reader's rows, or what it threw, which must not reach mysql2. */
class Taken {
  readonly parser: new () => { next(packet: Packet): void }
  private readonly reader: () => Rows
  private failure: unknown

  constructor(reader: () => Rows) {
    this.reader = reader
    const taken = this
    this.parser = class {
      next({ buffer, offset, end }: Packet): void {
        if (taken.failure !== undefined) return
        try {
          reader().read(buffer, offset, end)
        } catch (error) {
          taken.failure = error
        }
      }
    }
  }

  table(): Table {
    if (this.failure !== undefined) throw this.failure
    return this.reader().take()
  }
}

function complete(options: Options): RowOptions {
  return { maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY, ...options }
}

/** A connection to a database of its own, in UTC. Both go with the test. */
export async function link(changes: mysql2.ConnectionOptions = {}): Promise<Link> {
  const made = new Link(await newMariaDBDatabase(), changes)
  onTestFinished(() => made.close())
  await made.run("set time_zone = '+00:00'")
  return made
}

/** What a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  return promise.then(
    () => {
      throw new Error("It was expected to fail.")
    },
    (error) => error,
  )
}
