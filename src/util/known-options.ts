import { MooringError } from "../errors.ts"
import { didYouMean } from "./suggest.ts"

/** Every option of a call, so that the compiler misses none. */
export type OptionNames<Options> = Record<keyof Options, true>

/**
 * Refuses options that a call does not have: a misspelt `ttl` must not go unnoticed.
 *
 * @param call names it, as `query()`.
 * @throws MooringError `BAD_CONFIG` with the nearest name, and for options that are no object.
 */
export function refuseUnknown<Options extends object>(
  call: string,
  options: Options,
  known: OptionNames<Options>,
  connection?: string,
): void {
  if (typeof options !== "object" || options === null) throw notOptions(call, options, known, connection)
  // No list of keys is made: this runs at every call.
  for (const name in options) {
    if (!Object.hasOwn(known, name) && options[name] !== undefined) throw unknownOption(call, name, known, connection)
  }
}

function unknownOption(call: string, name: string, known: object, connection: string | undefined): MooringError {
  const names = Object.keys(known)
  const hint = didYouMean(name, names) || `Its options are ${names.join(", ")}.`
  return new MooringError("BAD_CONFIG", `${call} has no option ${JSON.stringify(name)}.`, { hint, connection })
}

function notOptions(call: string, given: unknown, known: object, connection: string | undefined): MooringError {
  const what = given === null ? "null" : `a ${typeof given}`
  const hint = "ttl" in known && typeof given === "number" ? `Write { ttl: ${given} }.` : "Give an object, or nothing."
  return new MooringError("BAD_CONFIG", `${call} takes its options as an object, not ${what}.`, { hint, connection })
}
