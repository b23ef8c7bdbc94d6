import type { SQLInputValue } from "node:sqlite"
import { parentPort, workerData } from "node:worker_threads"
import { isMooringError, MooringError, type QueryError } from "../../../errors.ts"
import { dehydrate, Table } from "../../../tables/index.ts"
import { Handle } from "./handle.ts"
import type { BatchAnswer, FailureData, Reply, Request, RunAnswer, Send, ToRun, WorkerSetup } from "./protocol.ts"
import { RowReader } from "./reader.ts"
import type { Prepared } from "./statements.ts"

/** The worker of one connection: two handles of its database, opened when they are needed. It does one thing at a time. */

const port = parentPort!
const setup = workerData as WorkerSetup
const stopFlag = new Int32Array(setup.stop)
const isStopped = () => Atomics.load(stopFlag, 0) === current
/** The id of the request that is being answered. */
let current = 0
let reading: Handle | undefined
let writing: Handle | undefined
let stream: { reader: RowReader; batchRows: number } | undefined

interface Answer {
  readonly value: unknown
  readonly transfer?: ArrayBuffer[]
}

port.on("message", ({ id, request }: Send) => {
  current = id
  const wasInTransaction = writing?.database.isTransaction
  try {
    const { value, transfer } = answer(request)
    port.postMessage({ id, value } satisfies Reply, transfer)
    // Without its port the thread has nothing to wait for, and ends by itself.
    if (request.type === "close") port.close()
  } catch (error) {
    const failure = toData(error, {
      refused: "readOnly" in request && request.readOnly,
      // A full disk and other severe errors make SQLite roll back by itself.
      transactionLost: wasInTransaction === true && !writing?.database.isTransaction,
    })
    port.postMessage({ id, failure } satisfies Reply)
  }
})
port.postMessage("ready")

function answer(request: Request): Answer {
  switch (request.type) {
    case "run":
      return run(request)
    case "stream":
      return openStream(request)
    case "next":
      return nextBatch(false)
    case "end":
      endStream()
      return { value: undefined }
    case "reset":
      reset()
      return { value: undefined }
    case "ping":
      return { value: undefined }
    case "close":
      endStream()
      reading?.close()
      writing?.close()
      return { value: undefined }
  }
}

/** Prepares a statement on the handle for queries or on the one for everything else. */
function prepare({ text, values, readOnly }: ToRun): { handle: Handle; prepared: Prepared; bound: SQLInputValue[] } {
  endStream()
  const open = readOnly ? reading : writing
  const handle = open?.isStale === false ? open : new Handle(setup, readOnly)
  if (handle !== open) open?.close()
  if (readOnly) reading = handle
  else writing = handle
  const prepared = handle.prepare(text)
  return { handle, prepared, bound: prepared.bind(values) }
}

function run(request: Request & { type: "run" }): Answer {
  const { handle, prepared, bound } = prepare(request)
  if (!prepared.returnsRows) {
    const { changes, lastInsertRowid } = prepared.statement.run(...bound)
    // After a statement that is none of data, SQLite still tells the changes of the one before.
    const rowCount = prepared.changesRows ? Number(changes) : 0
    const lastInsertId = prepared.inserts && rowCount > 0 ? (lastInsertRowid as bigint) : undefined
    return runAnswer(Table.empty, rowCount, lastInsertId)
  }
  const reader = new RowReader(prepared.statement, bound, isStopped)
  try {
    const table = reader.readAll(request.maxRows, request.maxBytes)
    const lastInsertId = prepared.inserts && table.numRows > 0 ? handle.lastInsertId() : undefined
    return runAnswer(table, table.numRows, lastInsertId)
  } finally {
    reader.close()
  }
}

function runAnswer(table: Table<never>, rowCount: number, lastInsertId: bigint | undefined): Answer {
  const { message, transfer } = dehydrate(table)
  return { value: { table: message, rowCount, lastInsertId } satisfies RunAnswer, transfer }
}

function openStream(request: Request & { type: "stream" }): Answer {
  const { prepared, bound } = prepare(request)
  stream = { reader: new RowReader(prepared.statement, bound, isStopped), batchRows: request.batchRows }
  return nextBatch(true)
}

function nextBatch(first: boolean): Answer {
  if (!stream) throw new MooringError("ABORTED", "The stream was ended.")
  try {
    const { message, transfer } = dehydrate(stream.reader.readBatch(stream.batchRows, first))
    const done = stream.reader.done
    if (done) endStream()
    return { value: { table: message, done } satisfies BatchAnswer, transfer }
  } catch (error) {
    endStream()
    throw error
  }
}

function endStream(): void {
  stream?.reader.close()
  stream = undefined
}

function reset(): void {
  endStream()
  if (writing?.database.isTransaction) writing.database.exec("rollback")
  if (writing?.isChanged) {
    writing.close()
    writing = undefined
  }
  if (reading?.isChanged) {
    reading.close()
    reading = undefined
  }
}

function toData(error: unknown, circumstances: { refused: boolean; transactionLost: boolean }): FailureData {
  const { message, code, errcode, errstr } = error as Error & { code?: string; errcode?: number; errstr?: string }
  if (!isMooringError(error)) return { message, mooring: false, code, errcode, errstr, ...circumstances }
  return { message, mooring: true, code: error.code, hint: error.hint, kind: (error as QueryError).kind }
}
