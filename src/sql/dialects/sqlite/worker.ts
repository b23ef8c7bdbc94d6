import { parentPort, workerData } from "node:worker_threads"
import { isMooringError, MooringError, type QueryError } from "../../../errors.ts"
import { dehydrate, Table } from "../../../tables/index.ts"
import { Handle } from "./handle.ts"
import type { BatchAnswer, FailureData, Reply, Request, RunAnswer, Send, WorkerSetup } from "./protocol.ts"
import { RowReader } from "./reader.ts"

/** The worker of one connection: two handles of its database, opened when they are needed. It does one thing at a time. */

const port = parentPort!
const setup = workerData as WorkerSetup
const stopFlag = new Int32Array(setup.stop)
let reading: Handle | undefined
let writing: Handle | undefined
let stream: { reader: RowReader; batchRows: number } | undefined

interface Answer {
  readonly value: unknown
  readonly transfer?: ArrayBuffer[]
}

port.on("message", ({ id, request }: Send) => {
  const checkStop = () => {
    if (Atomics.load(stopFlag, 0) === id) throw new MooringError("ABORTED", "The statement was stopped.")
  }
  try {
    const { value, transfer } = answer(request, checkStop)
    port.postMessage({ id, value } satisfies Reply, transfer)
  } catch (error) {
    const refused = "readOnly" in request && request.readOnly && !setup.readOnly
    port.postMessage({ id, failure: toData(error, refused) } satisfies Reply)
  }
})
port.postMessage("ready")

function answer(request: Request, checkStop: () => void): Answer {
  switch (request.type) {
    case "run":
      return run(request, checkStop)
    case "stream":
      return openStream(request, checkStop)
    case "next":
      return nextBatch(false)
    case "end":
      endStream()
      return { value: undefined }
    case "reset":
      reset()
      return { value: undefined }
    case "ping":
      return { value: !reading?.isStale && !writing?.isStale }
    case "close":
      endStream()
      reading?.close()
      writing?.close()
      return { value: undefined }
  }
}

function handleFor(readOnly: boolean): Handle {
  const reads = readOnly || setup.readOnly
  const open = reads ? reading : writing
  if (open && !open.isStale) return open
  open?.close()
  const handle = new Handle(setup, reads)
  if (reads) reading = handle
  else writing = handle
  return handle
}

function run(request: Request & { type: "run" }, checkStop: () => void): Answer {
  const handle = handleFor(request.readOnly)
  const prepared = handle.prepare(request.text)
  prepared.checkCount(request.values)
  if (!prepared.returnsRows) {
    const { changes, lastInsertRowid } = prepared.statement.run(...request.values)
    // After a statement that is none of data, SQLite still tells the changes of the one before.
    const rowCount = prepared.changesRows ? Number(changes) : 0
    const lastInsertId = prepared.inserts && rowCount > 0 ? (lastInsertRowid as bigint) : undefined
    return runAnswer(Table.empty, rowCount, lastInsertId)
  }
  const reader = new RowReader(prepared.statement, request.values, checkStop)
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

function openStream(request: Request & { type: "stream" }, checkStop: () => void): Answer {
  endStream()
  const prepared = handleFor(request.readOnly).prepare(request.text)
  prepared.checkCount(request.values)
  stream = { reader: new RowReader(prepared.statement, request.values, checkStop), batchRows: request.batchRows }
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

function toData(error: unknown, refused: boolean): FailureData {
  const { message, code, errcode, errstr } = error as Error & { code?: string; errcode?: number; errstr?: string }
  if (!isMooringError(error)) return { message, mooring: false, code, errcode, errstr, refused }
  return { message, mooring: true, code: error.code, hint: error.hint, kind: (error as QueryError).kind }
}
