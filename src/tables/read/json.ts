import type { RawBatch } from "../batch.ts"
import { badValue, misfit, type ReadContext, Reader } from "./reader.ts"

/**
 * JSON text, parsed. NULL and JSON's null are both `null`. An integer beyond 2^53 is what `values.bigint` says, as in a
 * column of integers.
 */
export class JsonReader extends Reader {
  private readonly text: Reader
  private readonly context: ReadContext

  constructor(batch: RawBatch, text: Reader, context: ReadContext) {
    super(batch)
    this.text = text
    this.context = context
  }

  value(index: number): unknown {
    const text = this.text.at(index) as string
    const { context } = this
    try {
      return mayRound.test(text) ? json.parse(text, (_, value, at) => exact(value, at, context)) : JSON.parse(text)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      if (context.values.misfit === "text") return text
      throw badValue(context, "a value that is not JSON", "Cast the column to text in the query.")
    }
  }
}

/** Texts in which a number may have more digits than JavaScript keeps, or be written in another way. */
const mayRound = /\d{16}|\d[.eE]/

/** What the runtime says of a value's text; not every runtime has something to say. */
type Source = { readonly source?: string } | undefined

/** Functions of the runtime that TypeScript does not know yet. */
const json = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, at: Source) => unknown): unknown
  rawJSON?(text: string): unknown
  isRawJSON?(value: unknown): boolean
}

function exact(value: unknown, at: Source, context: ReadContext): unknown {
  const source = at?.source
  if (typeof value !== "number" || source === undefined) return value
  if (context.values.json === "raw") {
    return String(value) === source || json.rawJSON === undefined ? value : json.rawJSON(source)
  }
  if (Number.isSafeInteger(value) || !/^-?\d+$/.test(source)) return value
  switch (context.values.bigint) {
    case "bigint":
      return BigInt(source)
    case "string":
      return source
    case "number":
      // What JavaScript wrote comes back as it was.
      if (String(value) === source) return value
      return misfit(
        context,
        source,
        `the integer ${source} in its JSON, which is beyond 2^53 and not exact as a number`,
        'Pass values: { bigint: "string" } or { bigint: "bigint" } to get it exactly.',
      )
  }
}

/** A number that JSON.stringify writes as it was. */
export function isRawJson(value: unknown): boolean {
  return json.isRawJSON?.(value) ?? false
}
