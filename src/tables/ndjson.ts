import { byteStream, type ExportOptions, encodeLines, type Tables } from "./byte-stream.ts"
import { type ExportSource, exportColumn, isJson } from "./export-text.ts"
import { jsonText, uniqueNames } from "./json.ts"

/**
 * Tables as newline-delimited JSON, one object a row. Integers beyond 2^53 are text, so that no reader rounds them; decimals
 * are text; timestamps are ISO 8601 text of the column's precision (with `Z` where the column has a zone); binary is base64;
 * JSON columns keep all digits of their numbers; NaN and infinities are null; the second of two columns `id` is `id_2`.
 */
export function ndjsonStream(
  tables: Tables<ExportSource>,
  options: ExportOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return byteStream(
    () =>
      encodeLines(
        (async function* () {
          for await (const table of tables) yield ndjsonRows(table)
        })(),
      ),
    options,
  )
}

function* ndjsonRows({ columns, numRows }: ExportSource): Generator<string> {
  const keys = uniqueNames(columns.map((column) => column.name)).map((name) => `${JSON.stringify(name)}:`)
  const texts = columns.map((column) => (isJson(column.field) ? embeddedJson : jsonText))
  const cells = columns.map((column) => exportColumn(column)[Symbol.iterator]())
  for (let i = 0; i < numRows; i++) {
    let text = "{"
    for (let j = 0; j < keys.length; j++) text += `${j === 0 ? "" : ","}${keys[j]}${texts[j]!(cells[j]!.next().value)}`
    yield `${text}}\n`
  }
}

/** JSON text inside JSON, on one line. Line breaks are only between its tokens: inside strings JSON escapes them. */
function embeddedJson(text: unknown): string {
  if (typeof text !== "string") return "null"
  try {
    JSON.parse(text)
    return text.replace(/[\r\n]+/g, " ")
  } catch {
    return JSON.stringify(text)
  }
}
