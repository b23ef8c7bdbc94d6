import { MooringError } from "../../../errors.ts"

/** COPY, which needs a conversation of its own. */
export function noCopy(direction: string): MooringError {
  return new MooringError("UNSUPPORTED", `COPY ${direction} is not something that a query can do.`, {
    hint: "Use select and insert, or connect() and a package for COPY.",
  })
}
