import type { DatabaseSync } from "node:sqlite"
import { hydrate, type Schema, type Table } from "../../../tables/index.ts"
import type { DriverConnection, RecordStream, RunOptions, RunResult, Statement, StreamOptions } from "../../dialect.ts"
import { toSqliteValues } from "./bind.ts"
import { closedError, type WorkerLink } from "./link.ts"
import type { BatchAnswer, Request, RunAnswer, SqliteError } from "./protocol.ts"

/** Result codes after which a handle is not to be trusted: IOERR, CORRUPT, NOTADB. */
const broken = new Set([10, 11, 26])

/** Settings of SQLite's that hold for the whole process, and that no handle can take back. */
const changesProcess = /heap_limit|_store_directory/i

/** One connection: a worker, and in it the handles of the database. */
export class SqliteConnection implements DriverConnection {
  private readonly link: WorkerLink
  private readonly openRaw: () => DatabaseSync
  private rawHandle: DatabaseSync | undefined
  private isBroken = false
  private hasRun = false
  private isSpoiled = false

  constructor(link: WorkerLink, openRaw: () => DatabaseSync) {
    this.link = link
    this.openRaw = openRaw
  }

  /** A handle of `node:sqlite` in the calling thread, opened now; what runs on it blocks that thread. */
  get raw(): DatabaseSync {
    return (this.rawHandle ??= this.openRaw())
  }

  get usable(): boolean {
    return !this.isBroken && !this.link.isLost
  }

  async run(statement: Statement, options: RunOptions): Promise<RunResult> {
    const { readOnly, maxRows, maxBytes } = options
    const values = toSqliteValues(statement.values)
    const request: Request = { type: "run", text: statement.text, values, readOnly, maxRows, maxBytes }
    const { table, rowCount, lastInsertId } = (await this.send(request, options.signal)) as RunAnswer
    return {
      table: hydrate(table),
      rowCount,
      ...(lastInsertId !== undefined && { lastInsertId: plainInteger(lastInsertId) }),
    }
  }

  async stream(statement: Statement, options: StreamOptions): Promise<RecordStream> {
    const { readOnly, batchRows, mixedTypes = false, signal } = options
    const values = toSqliteValues(statement.values)
    const request: Request = { type: "stream", text: statement.text, values, readOnly, batchRows, mixedTypes }
    const first = (await this.send(request, signal)) as BatchAnswer
    const table = hydrate(first.table)
    return { schema: table.schema as Schema, [Symbol.asyncIterator]: () => this.batches(table, first.done, signal) }
  }

  async ping({ signal }: { signal: AbortSignal }): Promise<void> {
    await this.send({ type: "ping" }, signal)
  }

  async reset(): Promise<void> {
    this.closeRaw()
    if (this.isSpoiled) return this.discard()
    if (!this.hasRun) return
    await this.send({ type: "reset" })
    this.hasRun = false
  }

  async close(): Promise<void> {
    this.closeRaw()
    await (this.isSpoiled ? this.discard() : this.link.close())
  }

  /** Each batch is asked for while the one before is used, and no earlier. */
  private async *batches(first: Table, done: boolean, signal: AbortSignal): AsyncGenerator<Table, void, undefined> {
    let table = first
    let isLast = done
    let next: Promise<BatchAnswer> | undefined
    try {
      for (;;) {
        next = isLast ? undefined : (this.send({ type: "next" }, signal) as Promise<BatchAnswer>)
        // It is awaited below; until then a failure is no unhandled rejection.
        next?.catch(() => undefined)
        if (table.numRows > 0 || table === first) yield table
        if (!next) return
        const answer = await next
        table = hydrate(answer.table)
        isLast = answer.done
      }
    } finally {
      await next?.catch(() => undefined)
      if (!isLast && !this.link.isLost) await this.send({ type: "end" })
    }
  }

  private async send(request: Request, signal?: AbortSignal): Promise<unknown> {
    if (request.type === "run" || request.type === "stream") {
      this.hasRun = true
      if (changesProcess.test(request.text)) this.isSpoiled = true
    }
    try {
      return await this.link.request(request, signal)
    } catch (error) {
      const { errcode = 0, transactionLost } = error as SqliteError
      if (broken.has(errcode % 256) || transactionLost) this.isBroken = true
      throw error
    }
  }

  /** The process is not used again, not by another connection either. */
  private async discard(): Promise<void> {
    this.isBroken = true
    await this.link.kill(closedError())
  }

  private closeRaw(): void {
    if (this.rawHandle?.isOpen) this.rawHandle.close()
    this.rawHandle = undefined
  }
}

function plainInteger(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
