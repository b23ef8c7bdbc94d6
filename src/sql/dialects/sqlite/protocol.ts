import type { ErrorCode, QueryErrorKind } from "../../../errors.ts"
import type { TableMessage } from "../../../tables/index.ts"

/** What the calling process and the worker of a connection say to each other: each request has one reply. */

/** Precedes `beginWriting`, since the transaction before may have been read-only. The worker knows that it is harmless. */
export const allowWrites = "PRAGMA query_only = OFF"

/** At once, because a transaction that reads first and writes later fails if anybody wrote in between. */
export const beginWriting = "BEGIN IMMEDIATE"

/** What a worker needs to open its handles. */
export interface WorkerSetup {
  /** Absolute. */
  readonly path: string
  /** How people call the file. */
  readonly label: string
  readonly memory: boolean
  /** The whole connection may only read. */
  readonly readOnly: boolean
  readonly immutable: boolean
  /** Milliseconds. */
  readonly busyTimeout: number
  readonly journalMode: string | undefined
  readonly synchronous: string | undefined
  readonly foreignKeys: boolean
  /** More options of `DatabaseSync`. */
  readonly options: Readonly<Record<string, unknown>>
  /** The folder of a database in memory, which goes with this process. */
  readonly temporary: string | undefined
  /** Where relative files in statements begin, as those of ATTACH; undefined where the folder is gone. */
  readonly workingFolder: string | undefined
}

/** What the thread of a worker is started with. */
export interface WorkerStart {
  readonly setup: WorkerSetup
  /** One Int32: the id of the request that shall stop at its next row, or {@link stopAll}. */
  readonly stop: SharedArrayBuffer
  /** Where replies go: to the thread that started it, or to the standard output of its process. */
  readonly output: "port" | "pipe"
}

/** In place of a request's id: whatever runs shall stop. */
export const stopAll = -1

/** The id of the reply with which a worker says that it is ready. */
export const readyId = 0

/** A value that `node:sqlite` binds as it is. */
export type SqliteValue = null | number | bigint | string | Uint8Array

export interface ToRun {
  readonly text: string
  readonly values: readonly SqliteValue[]
  readonly readOnly: boolean
}

/** `next` and `end` belong to the stream that is open; `reset` ends it as well. */
export type Request =
  | ({ readonly type: "run"; readonly maxRows: number; readonly maxBytes: number } & ToRun)
  | ({ readonly type: "stream"; readonly batchRows: number; readonly mixedTypes: boolean } & ToRun)
  | { readonly type: "next" | "end" | "reset" | "ping" | "close" }

export interface Send {
  readonly id: number
  readonly request: Request
}

export interface RunAnswer {
  readonly table: TableMessage
  readonly rowCount: number
  readonly lastInsertId: bigint | undefined
}

export interface BatchAnswer {
  readonly table: TableMessage
  readonly done: boolean
}

/** An error as data: the structured clone of an error loses its `errcode`. */
export type FailureData =
  | {
      readonly mooring: true
      readonly message: string
      readonly code: ErrorCode
      readonly hint: string | undefined
      readonly kind: QueryErrorKind | undefined
    }
  | {
      readonly mooring: false
      readonly message: string
      readonly code: string | undefined
      readonly errcode: number | undefined
      readonly errstr: string | undefined
      /** The statement came from `query()`, on a handle that may only read. */
      readonly refused: boolean
      /** The transaction that was open is not any more. */
      readonly transactionLost: boolean
    }

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: FailureData }

/** The `code` of the error of a request whose worker ended. */
export const workerLost = "MOORING_SQLITE_WORKER_LOST"

/** An error of SQLite, as `node:sqlite` threw it in the worker. */
export interface SqliteError extends Error {
  readonly code?: string
  readonly errcode?: number
  readonly errstr?: string
  readonly refused?: boolean
  readonly transactionLost?: boolean
}
