import { MooringError } from "../errors.ts"
import { csvStream, ipcStream, ndjsonStream, type Schema, type Table, type ValueOptions } from "../tables/index.ts"
import { abortable, type LinkedSignal, linkSignals } from "../util/abort.ts"
import { type Duration, toMilliseconds } from "../util/duration.ts"
import type { RecordStream } from "./dialect.ts"

/** How a {@link TableStream} gets its rows. */
export interface StreamSource {
  /** Called once, when somebody begins to read. */
  open(signal: AbortSignal, batchRows: number): Promise<OpenStream>
  /** A driver's error as one of ours. */
  translate(error: unknown): Error
  readonly name: string
  readonly values: ValueOptions | undefined
  readonly signal: AbortSignal | undefined
  readonly timeout: Duration | undefined
  readonly batchRows: number | undefined
}

/** A stream that has begun, and how to give its connection back. */
export interface OpenStream {
  readonly records: RecordStream
  release(): Promise<void>
}

const defaultBatchRows = 65_536

/**
 * Rows in batches, each a Table. Nothing runs before the first batch, the schema or an export is asked for; the
 * database waits while the reader does. Leaving the loop gives the connection back. It can be read once.
 *
 * @example
 * for await (const batch of trips.stream("select * from trips")) total += batch.numRows
 * @example return new Response(trips.stream("select * from trips").toCSV())
 */
export class TableStream<Row = Record<string, unknown>> implements AsyncIterable<Table<Row>>, AsyncDisposable {
  readonly #source: StreamSource
  readonly #link: LinkedSignal
  readonly #stop = new AbortController()
  #opened: Promise<OpenStream> | undefined
  #reading = false
  #ended = false

  /** A reader who leaves before the first batch has come does not wait for it. */
  readonly #cancel = (reason: unknown): void => this.#stop.abort(reason)

  /** @internal Made by `stream()`. */
  constructor(source: StreamSource) {
    this.#source = source
    const timeout = source.timeout === undefined ? undefined : toMilliseconds(source.timeout, "timeout")
    this.#link = linkSignals(
      { signal: [source.signal, this.#stop.signal], timeout },
      `A stream on connection "${source.name}" took longer than ${timeout} ms.`,
    )
  }

  /** The columns, known before the first row. */
  get schema(): Promise<Schema> {
    return this.#open().then(({ records }) => records.schema)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Table<Row>, void, undefined> {
    if (this.#reading || this.#ended) {
      throw new MooringError("SESSION_STATE", `A stream on connection "${this.#source.name}" can be read once.`, {
        connection: this.#source.name,
        hint: "Call stream() again.",
      })
    }
    this.#reading = true
    try {
      const { records } = await this.#open()
      for await (const batch of records) {
        yield (this.#source.values ? batch.withValues(this.#source.values) : batch) as Table<Row>
      }
    } catch (error) {
      throw this.#source.translate(error)
    } finally {
      await this[Symbol.asyncDispose]()
    }
  }

  /** An Arrow IPC stream (`application/vnd.apache.arrow.stream`). */
  toIPC(): ReadableStream<Uint8Array> {
    return ipcStream(() => this.schema, this, { cancel: this.#cancel })
  }

  /** One JSON object a line (`application/x-ndjson`). */
  toNDJSON(): ReadableStream<Uint8Array> {
    return ndjsonStream(this, { cancel: this.#cancel })
  }

  /** CSV with a header (`text/csv`, RFC 4180). */
  toCSV(): ReadableStream<Uint8Array> {
    return csvStream(() => this.schema, this, { cancel: this.#cancel })
  }

  /** Stops reading and gives the connection back. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    const opened = await this.#opened?.catch(() => undefined)
    try {
      // Ending the batches comes first: the connection must not be lent while they are still read.
      await opened?.records[Symbol.asyncIterator]().return?.()
    } catch {
      // A stream that failed has ended.
    } finally {
      this.#link.dispose()
      await opened?.release()
    }
  }

  #open(): Promise<OpenStream> {
    const { batchRows = defaultBatchRows } = this.#source
    this.#opened ??= abortable(this.#source.open(this.#link.signal, batchRows), this.#link.signal)
    return this.#opened
  }
}
