import { MooringError } from "../errors.ts"

/** A length of time: a number of seconds, or a text such as `"1h30m"`; `Infinity` and `"inf"` mean for ever. */
export type Duration = number | string

const unitSeconds: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
const part = /(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*/y

/**
 * A duration in milliseconds.
 *
 * @param what names the setting in the error, as `ttl`.
 * @throws MooringError `BAD_DURATION` for negative, not-a-number and unreadable values.
 * @example toMilliseconds("1h30m", "ttl") // 5_400_000
 */
export function toMilliseconds(value: Duration, what: string): number {
  if (typeof value === "number" && value >= 0) return value * 1000
  if (typeof value === "string") {
    const text = value.trim()
    if (/^(inf|infinity)$/i.test(text)) return Number.POSITIVE_INFINITY
    if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
    const total = sumOfParts(text)
    if (total !== undefined) return total * 1000
  }
  throw new MooringError("BAD_DURATION", `${what} is ${show(value)}, which is not a duration.`, {
    hint: `Give ${what} as seconds (90), as text ("1m30s", with ms, s, m, h, d or w), or as "inf".`,
  })
}

function sumOfParts(text: string): number | undefined {
  let total = 0
  part.lastIndex = 0
  while (part.lastIndex < text.length) {
    const match = part.exec(text)
    if (!match) return undefined
    total += Number(match[1]) * unitSeconds[match[2]!]!
  }
  return text === "" ? undefined : total
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : String(value)
}
