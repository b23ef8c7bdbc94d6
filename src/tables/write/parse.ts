/** Dates, times, intervals and decimals from text, into the integers that Arrow has; undefined where the text is none. */

const dayMs = 86_400_000

/** Days since 1970-01-01 of `YYYY-MM-DD`, or of a year with sign and six digits. */
export function parseDate(text: string): number | undefined {
  const match = /^([+-]\d{6,7}|\d{4})-(\d\d)-(\d\d)$/.exec(text)
  if (match === null) return undefined
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  // Howard Hinnant's days_from_civil: https://howardhinnant.github.io/date_algorithms.html
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

/** Units of 10^-digits seconds since midnight of `HH:MM[:SS[.fraction]]`; 24:00:00 is the end of the day. */
export function parseTime(text: string, digits: number): bigint | undefined {
  const match = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?$/.exec(text)
  if (match === null) return undefined
  const [hours, minutes, seconds] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)]
  const fraction = parseFraction(match[4] ?? "", digits)
  if (minutes > 59 || seconds > 59 || fraction === undefined) return undefined
  const total = hours * 3600 + minutes * 60 + seconds
  if (total > 86_400 || (total === 86_400 && fraction > 0n)) return undefined
  return BigInt(total) * 10n ** BigInt(digits) + fraction
}

/** Digits after the point as an integer of `digits` digits; undefined where that would lose some. */
function parseFraction(text: string, digits: number): bigint | undefined {
  if (/[1-9]/.test(text.slice(digits))) return undefined
  return BigInt(text.slice(0, digits).padEnd(digits, "0") || "0")
}

/** Units of 10^-digits seconds since 1970 of ISO 8601 text; without an offset it is UTC. */
export function parseTimestamp(text: string, digits: number): bigint | undefined {
  const match = /^(\S+?)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(?:(Z)|([+-])(\d\d)(?::?(\d\d))?)?)?$/i.exec(text)
  const days = match === null ? undefined : parseDate(match[1]!)
  const time = match === null ? undefined : parseTime(match[2] ?? "00:00", digits)
  if (match === null || days === undefined || time === undefined) return undefined
  const offset = (Number(match[5] ?? 0) * 60 + Number(match[6] ?? 0)) * (match[4] === "-" ? -60 : 60)
  return BigInt(days * (dayMs / 1000) - offset) * 10n ** BigInt(digits) + time
}

/** Months, days and units of 10^-digits seconds of an ISO 8601 duration whose parts may have signs. */
export function parseDuration(
  text: string,
  digits: number,
): { months: number; days: number; count: bigint } | undefined {
  const match =
    /^P(?=.)(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)W)?(?:(-?\d+)D)?(?:T(?=.)(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?)(\d+)(?:\.(\d+))?S)?)?$/.exec(
      text,
    )
  if (match === null) return undefined
  const [years, months, weeks, days] = [1, 2, 3, 4].map((i) => Number(match[i] ?? 0)) as [
    number,
    number,
    number,
    number,
  ]
  const fraction = parseFraction(match[9] ?? "", digits)
  if (fraction === undefined) return undefined
  const perSecond = 10n ** BigInt(digits)
  const seconds = BigInt(match[8] ?? 0) * perSecond + fraction
  const minutes = BigInt(match[5] ?? 0) * 60n + BigInt(match[6] ?? 0)
  const count = minutes * 60n * perSecond + (match[7] === "-" ? -seconds : seconds)
  return { months: years * 12 + months, days: weeks * 7 + days, count }
}

/** The integer that a decimal of this scale has for a text; undefined where digits would be lost. */
export function parseDecimal(text: string, scale: number): bigint | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,4}))?$/i.exec(text)
  if (match === null) return undefined
  const [, sign, whole = "", fraction = "", exponent] = match
  if (whole === "" && fraction === "") return undefined
  const shift = scale - fraction.length + Number(exponent ?? 0)
  const digits = whole + fraction
  const kept = shift >= 0 ? digits + "0".repeat(shift) : digits.slice(0, shift)
  if (shift < 0 && /[1-9]/.test(digits.slice(shift))) return undefined
  const value = BigInt(kept || "0")
  return sign === "-" ? -value : value
}
