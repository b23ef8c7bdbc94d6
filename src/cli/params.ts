import { InvalidArgumentError } from "commander"

/** Values by name. */
export type Params = Record<string, unknown>

/**
 * Adds one `--param` to those before it. `name=text` is text, `name:=json` a typed value, as in HTTPie; an integer beyond
 * 2^53 is a bigint, so that none of its digits is lost.
 */
export function collectParam(given: string, before: Params = {}): Params {
  const match = /^([^=:]+)(:?)=(.*)$/s.exec(given)
  if (!match)
    throw new InvalidArgumentError("It is name=text, or name:=json for a number, true, false, null or a list.")
  const [, name, typed, value] = match as unknown as [string, string, string, string]
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`${JSON.stringify(name)} is given twice.`)
  return { ...before, [name]: typed === ":" ? fromJson(name, value) : value }
}

function fromJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text, exactIntegers)
  } catch {
    throw new InvalidArgumentError(`What follows ${name}:= is not JSON. For text, write ${name}=…`)
  }
}

function exactIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  const isInexact = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)
  return isInexact && /^-?\d+$/.test(context?.source ?? "") ? BigInt(context!.source!) : value
}
