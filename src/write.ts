import { MooringError } from "./errors.ts"
import {
  concatTables,
  csvStream,
  ipcStream,
  isTable,
  ndjsonStream,
  preview,
  type Schema,
  Table,
  toMarkdown,
} from "./tables/index.ts"
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
    whole(source, async (table) => encoder.encode(`${preview(table, { maxRows, width, color })}\n`)),
  json: (source) => ndjsonStream(batches(source)).pipeThrough(new TransformStream(toArray())),
  ndjson: (source) => ndjsonStream(batches(source)),
  csv: (source) => csvStream(() => source.schema, batches(source)),
  markdown: (source, { maxRows }) =>
    whole(source, async (table) => encoder.encode(toMarkdown(table, maxRows === undefined ? {} : { maxRows }))),
  arrow: (source) => ipcStream(() => source.schema, batches(source)),
  parquet: (source) => whole(source, toParquet),
}

const encoder = new TextEncoder()

function batches(source: Source): Iterable<Table> | AsyncIterable<Table> {
  return isTable(source) ? [source] : source
}

/** A stream of one chunk, made of all rows when somebody reads. */
function whole(source: Source, encode: (table: Table) => Promise<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        controller.enqueue(await encode(await collect(source)))
        controller.close()
      },
      async cancel() {
        if (!isTable(source)) await source[Symbol.asyncDispose]?.()
      },
    },
    { highWaterMark: 0 },
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
function toArray(): Transformer<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder()
  let open = "[\n"
  let held = ""
  return {
    transform(chunk, controller) {
      const text = held + decoder.decode(chunk, { stream: true })
      // The last line end waits: whether a comma belongs there shows when something follows.
      const ended = text.endsWith("\n")
      held = ended ? "\n" : ""
      controller.enqueue(encoder.encode(open + (ended ? text.slice(0, -1) : text).replaceAll("\n", ",\n")))
      open = ""
    },
    flush(controller) {
      controller.enqueue(encoder.encode(open === "" ? "\n]\n" : "[]\n"))
    },
  }
}
