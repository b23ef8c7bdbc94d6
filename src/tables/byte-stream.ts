import { tooLong } from "./long-text.ts"
import { Turn } from "./turn.ts"
import type { Schema } from "./types.ts"

/** A schema, or how to get it once somebody reads. */
export type SchemaSource = Schema | PromiseLike<Schema> | (() => Schema | PromiseLike<Schema>)

/** How tables are exported. */
export interface ExportOptions {
  /** Called as soon as the reader cancels, with its reason: the place to abort a query that still runs. */
  cancel?: (reason: unknown) => void
}

/** Tables, one after the other. */
export type Tables<T> = AsyncIterable<T> | Iterable<T>

/** Reads a schema when asked. One that failed before anybody asked is the reader's error, not an unhandled rejection. */
export function schemaReader(source: SchemaSource): () => Promise<Schema> {
  if ("then" in source) source.then(undefined, () => {})
  return async () => (typeof source === "function" ? source() : source)
}

/**
 * Bytes as a web stream, made only as fast as they are read: nothing runs ahead of the reader, and a reader who leaves
 * ends the source.
 */
export function byteStream(
  make: () => AsyncGenerator<Uint8Array>,
  { cancel }: ExportOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let chunks: AsyncGenerator<Uint8Array> | undefined
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        chunks ??= make()
        // An empty chunk would leave the reader waiting for a pull that never comes.
        for (;;) {
          const next = await chunks.next()
          if (next.done) return controller.close()
          if (next.value.length === 0) continue
          return controller.enqueue(next.value as Uint8Array<ArrayBuffer>)
        }
      },
      async cancel(reason) {
        // Before the generator's return(), which waits for the step that it is in: a query may be minutes from its first row.
        cancel?.(reason)
        await chunks?.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}

const encoder = new TextEncoder()
const chunkChars = 65_536

/**
 * Lines gathered into chunks of a size that is worth sending. Rows that are there already are made into text without a
 * wait, so this gives way to others now and then.
 *
 * @param parts lines of one table after the other; an empty one, without its line end, is only an occasion to give way.
 * @throws MooringError `TOO_LARGE` for a line that no text can hold.
 */
export async function* encodeLines(parts: AsyncIterable<Iterable<string>>): AsyncGenerator<Uint8Array> {
  let text = ""
  const turn = new Turn()
  for await (const lines of parts) {
    try {
      for (const line of lines) {
        // Long lines go alone: two of them may be more than a text can hold.
        if (line.length >= chunkChars && text !== "") {
          yield encoder.encode(text)
          text = ""
        }
        text += line
        if (text.length >= chunkChars) {
          yield encoder.encode(text)
          text = ""
        } else if (line !== "") continue
        await turn.over()
      }
    } catch (error) {
      throw tooLong(error, "A row as text", "Write it as arrow, or select fewer columns.")
    }
  }
  if (text !== "") yield encoder.encode(text)
}
