import { MooringError } from "./errors.ts"
import { byteStream, type ExportOptions, encodeLines } from "./tables/byte-stream.ts"
import { concatTables } from "./tables/concat.ts"
import { csvStream } from "./tables/csv.ts"
import { ipcStream } from "./tables/ipc.ts"
import { markdownLines } from "./tables/markdown.ts"
import { ndjsonStream } from "./tables/ndjson.ts"
import { previewLines } from "./tables/preview.ts"
import { isTable, Table } from "./tables/table.ts"
import type { Schema } from "./tables/types.ts"
import { toParquet } from "./write-parquet.ts"

/** What {@link write} can make of rows. */
export const formats = ["table", "json", "ndjson", "csv", "markdown", "arrow", "parquet"] as const

/** One of {@link formats}. */
export type Format = (typeof formats)[number]

/** How {@link write} writes. Only `table` and `markdown` look at these. */
export interface WriteOptions {
  /** Rows that are shown; the rest is counted. Default: all. */
  maxRows?: number
  /** Columns of the terminal, for `table`. What does not fit is left out and named. Default: all fits. */
  width?: number
  /** Dims types and NULLs in `table`. Default false. */
  color?: boolean
}

/** Tables of the same columns, one after the other: what `stream()` gives. */
export interface TableSource extends AsyncIterable<Table>, Partial<AsyncDisposable> {
  readonly schema: Schema | PromiseLike<Schema>
  /** @internal The same for a reader that makes text of each batch. */
  forText?(): AsyncIterable<Table>
}

type Source = Table | TableSource

/**
 * Rows as bytes, for a file, a response or a pipe.
 *
 * `ndjson`, `csv`, `arrow` (an IPC stream) and `json` (one array) pass a stream's batches on as they come, in constant
 * memory. `table`, `markdown` and `parquet` read all of it first. Values are exact in every format; how each type is
 * written is the same in `json` and `ndjson`. `parquet` needs the package `parquet-wasm`.
 *
 * @throws MooringError, to the reader, `DRIVER_MISSING` or `UNSUPPORTED` from `parquet`, and whatever the stream fails
 * with.
 * @example await pipeline(write(pets.stream("select * from owners"), "csv"), createWriteStream("owners.csv"))
 */
export function write(
  source: Table | TableSource,
  format: Format,
  options: WriteOptions = {},
): ReadableStream<Uint8Array> {
  const writer = Object.hasOwn(writers, format) ? writers[format] : undefined
  if (writer) return writer(source, options)
  throw new MooringError("BAD_CONFIG", `There is no format ${JSON.stringify(format)}.`, {
    hint: `The formats are ${formats.join(", ")}.`,
  })
}

const writers: Record<Format, (source: Source, options: WriteOptions) => ReadableStream<Uint8Array>> = {
  table: (source, { maxRows = Number.POSITIVE_INFINITY, width = Number.POSITIVE_INFINITY, color = false }) =>
    lines(source, (table) => previewLines(table, { maxRows, width, color })),
  json: (source) => byteStream(() => arrayOf(ndjsonStream(forText(source), ending(source))), ending(source)),
  ndjson: (source) => ndjsonStream(forText(source), ending(source)),
  csv: (source) => csvStream(() => source.schema, forText(source), ending(source)),
  markdown: (source, { maxRows = Number.POSITIVE_INFINITY }) =>
    lines(source, (table) => markdownLines(table, { maxRows })),
  arrow: (source) => ipcStream(() => source.schema, batches(source), ending(source)),
  parquet: (source) => whole(source, toParquet),
}

const encoder = new TextEncoder()

function batches(source: Source): Iterable<Table> | AsyncIterable<Table> {
  return isTable(source) ? [source] : source
}

/** Batches whose columns need not have one type. */
function forText(source: Source): Iterable<Table> | AsyncIterable<Table> {
  return isTable(source) ? [source] : (source.forText?.() ?? source)
}

/** A reader who leaves ends a query that still runs. */
function ending(source: Source): ExportOptions {
  return {
    cancel: () => {
      if (!isTable(source)) source[Symbol.asyncDispose]?.().then(undefined, () => undefined)
    },
  }
}

/** A stream of one chunk, made of all rows when somebody reads. */
function whole(source: Source, encode: (table: Table) => Promise<Uint8Array>): ReadableStream<Uint8Array> {
  return byteStream(async function* () {
    yield encode(await collect(source))
  }, ending(source))
}

/** The text of all rows, which are read first. */
function lines(source: Source, text: (table: Table) => Iterable<string>): ReadableStream<Uint8Array> {
  return byteStream(
    () =>
      encodeLines(
        (async function* () {
          yield text(await collect(source))
        })(),
      ),
    ending(source),
  )
}

async function collect(source: Source): Promise<Table> {
  if (isTable(source)) return source
  const tables: Table[] = []
  for await (const table of source) tables.push(table)
  const [first] = tables
  if (first === undefined) {
    const schema = await source.schema
    return new Table(
      schema,
      schema.fields.map(() => []),
    )
  }
  return tables.length === 1 ? first : concatTables(tables)
}

/** Lines of JSON as one array. In JSON, a line feed stands between lines and nowhere else. */
async function* arrayOf(lines: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder()
  let open = "[\n"
  let held = ""
  for await (const chunk of lines) {
    const text = held + decoder.decode(chunk, { stream: true })
    // The last line end waits: whether a comma belongs there shows when something follows.
    const ended = text.endsWith("\n")
    held = ended ? "\n" : ""
    yield encoder.encode(open + (ended ? text.slice(0, -1) : text).replaceAll("\n", ",\n"))
    open = ""
  }
  yield encoder.encode(open === "" ? "\n]\n" : "[]\n")
}
