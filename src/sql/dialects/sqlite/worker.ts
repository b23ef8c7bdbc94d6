import type { SQLInputValue } from "node:sqlite"
import { deserialize } from "node:v8"
import { type MessagePort, parentPort, workerData } from "node:worker_threads"
import { isMooringError, MooringError, type QueryError } from "../../../errors.ts"
import { dehydrate, Table } from "../../../tables/index.ts"
import { frameKinds, writePacket } from "./frames.ts"
import { Handle } from "./handle.ts"
import { runHost } from "./host.ts"
import { OpenFile } from "./open-file.ts"
import { needsRecovery } from "./opening.ts"
import { toPacket } from "./packet.ts"
import {
  type BatchAnswer,
  type FailureData,
  type Reply,
  type Request,
  type RunAnswer,
  readyId,
  type Send,
  stopAll,
  type ToRun,
  type WorkerStart,
} from "./protocol.ts"
import { RowReader } from "./reader.ts"
import type { Prepared } from "./statements.ts"

/**
 * The program of a connection's worker. As a thread it has two handles of its database, opened when they are needed, and
 * does one thing at a time; as a process it is the host of such a thread.
 */

const { setup, stop, output } = (workerData ?? {}) as WorkerStart
const stopFlag = new Int32Array(stop ?? 0)
const isStopped = () => {
  const stopped = Atomics.load(stopFlag, 0)
  return stopped === current || stopped === stopAll
}
/** The id of the request that is being answered. */
let current = 0
let reading: Handle | undefined
let writing: Handle | undefined
/** Absent for a database in memory, and in the host of the thread. */
let file = setup?.memory === false ? new OpenFile(setup) : undefined
let stream: { reader: RowReader; batchRows: number; mixedTypes: boolean } | undefined

interface Answer {
  readonly value: unknown
  readonly transfer?: ArrayBuffer[]
}

if (parentPort) serve(parentPort)
else runHost(new URL(import.meta.url))

function serve(port: MessagePort): void {
  const reply = (message: Reply, transfer?: ArrayBuffer[]) => {
    if (output === "pipe") writePacket(1, frameKinds.reply, toPacket(message))
    else port.postMessage(message, transfer)
  }
  // Another process's request comes as the bytes that it sent.
  port.on("message", (message: Send | Uint8Array) => {
    const { id, request } = message instanceof Uint8Array ? (deserialize(message) as Send) : message
    current = id
    const wasInTransaction = writing?.isInTransaction
    try {
      const { value, transfer } = answerAfterRecovery(request)
      reply({ id, value }, transfer)
      // Without its port the thread has nothing to wait for, and ends.
      if (request.type === "close") port.close()
    } catch (error) {
      const failure = toData(error, {
        refused: "readOnly" in request && request.readOnly,
        // A full disk and other severe errors make SQLite roll back on its own.
        transactionLost: wasInTransaction === true && !writing?.isInTransaction,
      })
      reply({ id, failure })
    }
  })
  reply({ id: readyId, value: undefined })
}

/**
 * A process that ended in the middle of a write leaves a journal, and who reads next has to roll the write back. A handle
 * that may only read cannot, so the other one does it first.
 */
function answerAfterRecovery(request: Request): Answer {
  try {
    return answer(request)
  } catch (error) {
    if (setup.readOnly || !needsRecovery(error)) throw error
    handleFor(false).recover()
    return answer(request)
  }
}

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
      closeHandles()
      return { value: undefined }
  }
}

/**
 * The handle for queries, or the one for everything else. Of a file that was replaced or deleted they are opened anew:
 * nobody else sees the old one any more.
 */
function handleFor(readOnly: boolean): Handle {
  if (file && !writing?.isInTransaction && (file.isMissing || file.isReplaced())) {
    if (!file.isMissing) closeHandles()
    file = new OpenFile(setup)
  }
  if (readOnly) return (reading ??= new Handle(setup, true))
  return (writing ??= new Handle(setup, false))
}

function closeHandles(): void {
  reading?.close()
  writing?.close()
  reading = undefined
  writing = undefined
}

function prepare({ text, values, readOnly }: ToRun): { handle: Handle; prepared: Prepared; bound: SQLInputValue[] } {
  endStream()
  const handle = handleFor(readOnly)
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
  const { batchRows, mixedTypes } = request
  stream = { reader: new RowReader(prepared.statement, bound, isStopped), batchRows, mixedTypes }
  return nextBatch(true)
}

function nextBatch(first: boolean): Answer {
  if (!stream) throw new MooringError("ABORTED", "The stream was ended.")
  try {
    const { message, transfer } = dehydrate(stream.reader.readBatch(stream.batchRows, first, stream.mixedTypes))
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
  if (writing?.isInTransaction) writing.database.exec("rollback")
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
