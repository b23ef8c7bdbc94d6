import { Buffer, constants } from "node:buffer"
import { MooringError } from "../errors.ts"

/** How many UTF-16 units a text may have: 512 MB on Node.js. */
export const longestText = constants.MAX_STRING_LENGTH

/**
 * The error to throw instead of the runtime's own, which only says that some string is too long; any other error as it is.
 *
 * @param what the beginning of a sentence: `A value of column "doc"`.
 */
export function tooLong(error: unknown, what: string, hint: string): unknown {
  return isTooLong(error) ? tooLongError(what, hint) : error
}

/** @param what the beginning of a sentence: `A value of column "doc"`. */
export function tooLongError(what: string, hint: string): MooringError {
  const limit = Math.ceil(longestText / 2 ** 20)
  return new MooringError("TOO_LARGE", `${what} is longer than a text in JavaScript may be (${limit} MB).`, { hint })
}

function isTooLong(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as NodeJS.ErrnoException
  return (
    code === "ERR_STRING_TOO_LONG" ||
    (error instanceof RangeError && /string length|out of memory/i.test(error.message))
  )
}

/** UTF-8 as text. @throws MooringError `TOO_LARGE`, naming the column. */
export function utf8Text(bytes: Buffer, start: number, end: number, column: string): string {
  // Text has at most as many units as bytes: without a look at each row, this costs nothing.
  if (end - start <= longestText) return bytes.toString("utf8", start, end)
  try {
    return bytes.toString("utf8", start, end)
  } catch (error) {
    throw tooLong(
      error,
      `A value of column ${column}`,
      "Cast the column to binary in the query, or select a part of its text.",
    )
  }
}

/** Bytes as base64. @throws MooringError `TOO_LARGE` */
export function base64Text({ buffer, byteOffset, length }: Uint8Array): string {
  if (Math.ceil(length / 3) * 4 <= longestText) {
    return Buffer.from(buffer as ArrayBuffer, byteOffset, length).toString("base64")
  }
  throw tooLongError(`The base64 of ${length} bytes`, "Write it as arrow, or leave the column out.")
}
