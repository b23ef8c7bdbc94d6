import { MooringError } from "../../errors.ts"
import type { RawBatch } from "../batch.ts"
import { bit } from "../bitmap.ts"
import type { Field } from "../types.ts"
import type { ReadValues } from "../values.ts"

/** What a reader knows besides its buffers. */
export interface ReadContext {
  readonly values: ReadValues
  /** The column, as errors name it: `"trip"."fare"` for a field of a struct. */
  readonly column: string
  /** The field: its metadata says what the Arrow type alone does not. */
  readonly field: Field
  /** The reader of a child field. */
  child(batch: RawBatch, field: Field): Reader
}

/**
 * Gives the rows of one batch of one column as JavaScript values.
 *
 * Subclasses say what a value is. Those of common types also override `fill`, because a loop over one known decoding is
 * several times faster than a call for each value.
 */
export abstract class Reader<T = unknown> {
  readonly length: number
  readonly nullCount: number
  protected readonly validity: Uint8Array

  constructor(batch: RawBatch) {
    this.length = batch.length
    this.validity = batch.validity
    // Some writers leave out the bitmap of a column that is all valid and the count is what says so.
    this.nullCount = batch.validity?.length > 0 ? batch.nullCount : 0
  }

  /** The value of a row that is not NULL. */
  abstract value(index: number): T

  at(index: number): T | null {
    return this.nullCount > 0 && !bit(this.validity, index) ? null : this.value(index)
  }

  /** Writes rows `start` to `end` into `out` from `place` on. */
  fill(out: unknown[], place: number, start: number, end: number): void {
    if (this.nullCount === 0) for (let i = start; i < end; i++) out[place++] = this.value(i)
    else for (let i = start; i < end; i++) out[place++] = this.at(i)
  }
}

/** The error of a value that the asked-for JavaScript type cannot hold. */
export function badValue(context: ReadContext, what: string, hint: string): MooringError {
  return new MooringError("BAD_VALUE", `Column ${context.column} has ${what}.`, { hint })
}

/** The same where the value has an exact text: given instead of the error if the context says so. */
export function misfit(context: ReadContext, text: string, what: string, hint: string): string {
  if (context.values.misfit === "text") return text
  throw badValue(context, what, hint)
}
