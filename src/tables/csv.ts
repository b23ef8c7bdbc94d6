import {
  byteStream,
  type ExportOptions,
  encodeLines,
  type SchemaSource,
  schemaReader,
  type Tables,
} from "./byte-stream.ts"
import { type ExportSource, exportColumn, plainText } from "./export-text.ts"

/**
 * Tables as CSV with one header (RFC 4180: CRLF, quotes where needed). NULL is an empty field and the empty string is
 * `""`, as in PostgreSQL's COPY. Timestamps have the column's precision, binary is base64, lists and structs are JSON.
 * Values are written as they are: text that a spreadsheet would take for a formula (`=1+1`) is not altered.
 *
 * @see https://www.rfc-editor.org/rfc/rfc4180
 */
export function csvStream(
  schema: SchemaSource,
  tables: Tables<ExportSource>,
  options: ExportOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const readSchema = schemaReader(schema)
  return byteStream(
    () =>
      encodeLines(
        (async function* () {
          const { fields } = await readSchema()
          if (fields.length > 0) yield [line(fields.map((field) => quoted(field.name)))]
          for await (const table of tables) yield csvRows(table)
        })(),
      ),
    options,
  )
}

function* csvRows({ columns, numRows }: ExportSource): Generator<string> {
  const cells = columns.map((column) => exportColumn(column)[Symbol.iterator]())
  for (let i = 0; i < numRows; i++) yield line(cells.map((cell) => csvField(cell.next().value)))
}

function csvField(value: unknown): string {
  return value === null ? "" : quoted(plainText(value))
}

function quoted(text: string): string {
  return text === "" || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function line(fields: readonly string[]): string {
  return `${fields.join(",")}\r\n`
}
