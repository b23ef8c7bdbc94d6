import { MooringError } from "../errors.ts"
import { csvStream } from "../tables/csv.ts"
import type { Schema, Table, ValueOptions } from "../tables/index.ts"
import { ipcStream } from "../tables/ipc.ts"
import { ndjsonStream } from "../tables/ndjson.ts"
import { type AbortOptions, abortable, type LinkedSignal, linkSignals } from "../util/abort.ts"
import { addCaller } from "../util/caller.ts"
import { type Duration, toMilliseconds } from "../util/duration.ts"
import type { RecordStream, StreamShape } from "./dialect.ts"

/** How a {@link TableStream} gets its rows. */
export interface StreamSource {
  /** Called once, when somebody begins to read. What comes after `signal` has aborted is released at once. */
  open(signal: AbortSignal, shape: StreamShape): Promise<OpenStream>
  /** A driver's error as one of ours. */
  translate(error: unknown): unknown
  readonly name: string
  readonly values: ValueOptions | undefined
  readonly signal: AbortOptions["signal"]
  /** Counts from when somebody begins to read. */
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
  readonly #stop = new AbortController()
  #link: LinkedSignal | undefined
  #opened: Promise<OpenStream> | undefined
  #batches: AsyncIterator<Table> | undefined
  /** The batch that is being fetched. */
  #coming: Promise<unknown> | undefined
  #reading = false
  #mixedTypes = false
  #ended: Promise<void> | undefined

  /** @internal Made by `stream()`. */
  constructor(source: StreamSource) {
    this.#source = source
  }

  /** The columns, known before the first row. Whoever asks for them reads on, or disposes of the stream. */
  get schema(): Promise<Schema> {
    return this.#open().then(({ records }) => records.schema)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Table<Row>, void, undefined> {
    if (this.#reading) throw this.#stateError("can be read once", "Call stream() again.")
    this.#reading = true
    try {
      const { records } = await this.#open()
      this.#batches = records[Symbol.asyncIterator]()
      for (;;) {
        const next = await this.#next(this.#batches)
        if (next.done) return
        yield (this.#source.values ? next.value.withValues(this.#source.values) : next.value) as Table<Row>
      }
    } catch (error) {
      throw addCaller(error)
    } finally {
      const ended = this.#end()
      // Who gave up does not wait for what gives up slowly.
      if (!this.#link?.signal.aborted) await ended
    }
  }

  /** An Arrow IPC stream (`application/vnd.apache.arrow.stream`). */
  toIPC(): ReadableStream<Uint8Array> {
    return ipcStream(() => this.schema, this, this.#exporting)
  }

  /** One JSON object a line (`application/x-ndjson`). */
  toNDJSON(): ReadableStream<Uint8Array> {
    return ndjsonStream(this.forText(), this.#exporting)
  }

  /** CSV with a header (`text/csv`, RFC 4180). */
  toCSV(): ReadableStream<Uint8Array> {
    return csvStream(() => this.schema, this.forText(), this.#exporting)
  }

  /**
   * The same batches for a reader that makes text of them: a column may have another type in a later batch. Only SQLite has
   * such columns; elsewhere, and in a stream that has begun, each column has one type.
   *
   * @internal
   */
  forText(): this {
    this.#mixedTypes = true
    return this
  }

  /** Stops reading and gives the connection back. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#stop.abort(this.#stateError("was disposed of", "Call stream() again."))
    await this.#end()
  }

  readonly #exporting = {
    cancel: () => {
      void this[Symbol.asyncDispose]()
    },
  }

  #open(): Promise<OpenStream> {
    this.#opened ??= this.#begin()
    return this.#opened
  }

  async #begin(): Promise<OpenStream> {
    const { source, signal } = this.#begun()
    const { batchRows = defaultBatchRows } = source
    signal.throwIfAborted()
    const opening = source.open(signal, { batchRows, mixedTypes: this.#mixedTypes })
    try {
      return await abortable(opening, signal)
    } catch (error) {
      void opening.then(endUnread).catch(() => undefined)
      throw signal.aborted ? signal.reason : source.translate(error)
    }
  }

  #begun(): { source: StreamSource; signal: AbortSignal } {
    const source = this.#source
    const timeout = source.timeout === undefined ? undefined : toMilliseconds(source.timeout, "timeout")
    const late = `A stream on connection "${source.name}" took longer than its timeout of ${timeout! / 1000} s.`
    const signals = [source.signal ?? [], this.#stop.signal].flat()
    this.#link = linkSignals({ signal: signals, timeout, connection: source.name }, late)
    const { signal } = this.#link
    // A reader that does not come back for the next batch is not waited for.
    signal.addEventListener("abort", () => void this.#end(), { once: true })
    return { source, signal }
  }

  async #next(batches: AsyncIterator<Table>): Promise<IteratorResult<Table, unknown>> {
    const { signal } = this.#link!
    signal.throwIfAborted()
    const coming = batches.next()
    this.#coming = coming
    try {
      // An end that somebody forced is not the end of the rows.
      return await abortable(coming, signal)
    } catch (error) {
      throw signal.aborted ? signal.reason : this.#source.translate(error)
    }
  }

  #end(): Promise<void> {
    this.#ended ??= this.#release()
    return this.#ended
  }

  async #release(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    try {
      // Ending the batches comes first: the connection must not be lent while they are still read.
      await this.#coming?.catch(() => undefined)
      this.#batches ??= opened?.records[Symbol.asyncIterator]()
      await this.#batches?.return?.()
    } catch {
      // A stream that failed has ended.
    } finally {
      this.#link?.dispose()
      await opened?.release()
    }
  }

  #stateError(what: string, hint: string): MooringError {
    const { name: connection } = this.#source
    const message = `A stream on connection "${connection}" ${what}.`
    return new MooringError("SESSION_STATE", message, { connection, hint })
  }
}

/** The connection must not be lent while its rows are still there to be read. */
async function endUnread({ records, release }: OpenStream): Promise<void> {
  try {
    await records[Symbol.asyncIterator]().return?.()
  } finally {
    await release()
  }
}
