import { MooringError } from "../errors.ts"

/** In which JavaScript type values are given. What is not named has the value of {@link defaultValues}. */
export interface ValueOptions {
  /** Integers of 64 bits and more. As `"number"`, one beyond 2^53 is an error. */
  bigint?: "number" | "bigint" | "string"
  /** `"string"` keeps every digit and the scale: `"1.50"`. */
  decimal?: "string" | "number"
  /** `"string"` has the column's full precision; `"number"` is milliseconds since 1970. */
  timestamp?: "Date" | "string" | "number"
  /** `"Date"` is midnight UTC. */
  date?: "string" | "Date"
}

/** What {@link ValueOptions} mean when they are left out. */
export const defaultValues: Readonly<Required<ValueOptions>> = Object.freeze({
  bigint: "number",
  decimal: "string",
  timestamp: "Date",
  date: "string",
})

/** Value options as readers take them. */
export interface ReadValues extends Required<ValueOptions> {
  /** What becomes of a value that its type cannot hold. As `"text"`, its exact text stands for it: nothing ever throws. */
  readonly misfit?: "throw" | "text"
  /** Numbers inside JSON: `raw` keeps their text for JSON.stringify. */
  readonly json?: "parsed" | "raw"
}

const allowed: { [K in keyof Required<ValueOptions>]: readonly Required<ValueOptions>[K][] } = {
  bigint: ["number", "bigint", "string"],
  decimal: ["string", "number"],
  timestamp: ["Date", "string", "number"],
  date: ["string", "Date"],
}

/**
 * Complete value options.
 *
 * @throws MooringError `BAD_CONFIG` for an unknown key or value.
 */
export function completeValues(options: ValueOptions = {}, base: ValueOptions = defaultValues): Required<ValueOptions> {
  const complete = { ...defaultValues, ...base } as Record<string, string>
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue
    const known: readonly string[] | undefined = Object.hasOwn(allowed, key)
      ? allowed[key as keyof ValueOptions]
      : undefined
    if (known === undefined) {
      throw new MooringError("BAD_CONFIG", `values has no setting ${JSON.stringify(key)}.`, {
        hint: `It has ${Object.keys(allowed).join(", ")}.`,
      })
    }
    if (!known.includes(value)) {
      throw new MooringError("BAD_CONFIG", `values.${key} is ${JSON.stringify(value)}.`, {
        hint: `Use ${known.map((item) => JSON.stringify(item)).join(" or ")}.`,
      })
    }
    complete[key] = value
  }
  return complete as unknown as Required<ValueOptions>
}
