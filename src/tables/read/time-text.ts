/** Dates, times and intervals as text, from the integers that Arrow has. */

const two = Array.from({ length: 100 }, (_, n) => (n < 10 ? `0${n}` : `${n}`))

/**
 * A day count since 1970-01-01 as `YYYY-MM-DD` in the proleptic Gregorian calendar. Years beyond 0000–9999 have a sign
 * and six digits, as ISO 8601 expands them and `Date.prototype.toISOString` writes them: `-000043-03-15` is 44 BC.
 */
export function dateText(days: number): string {
  // Howard Hinnant's civil_from_days: https://howardhinnant.github.io/date_algorithms.html
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return `${yearText(year)}-${two[month]}-${two[day]}`
}

function yearText(year: number): string {
  if (year >= 1000 && year <= 9999) return `${year}`
  if (year >= 0 && year <= 9999) return `${year}`.padStart(4, "0")
  return (year < 0 ? "-" : "+") + `${Math.abs(year)}`.padStart(6, "0")
}

/** `HH:MM:SS` with `digits` digits of fraction. @param fraction in units of 10^-digits. */
export function timeText(seconds: number, fraction: number, digits: number): string {
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor(seconds / 60) % 60
  const clock = `${two[hours] ?? hours}:${two[minutes]}:${two[seconds % 60]}`
  return digits === 0 ? clock : `${clock}.${`${fraction}`.padStart(digits, "0")}`
}

/**
 * An ISO 8601 duration; each part has its own sign, as PostgreSQL writes them: `P1Y2M3DT4H5M6.007S`, `P-1DT2H`, `PT0S`.
 *
 * @param fraction of a second, in units of 10^-digits
 */
export function durationText(months: number, days: number, count: bigint, digits: number): string {
  const perSecond = 10n ** BigInt(digits)
  const seconds = count / perSecond
  const hours = seconds / 3600n
  const minutes = (seconds / 60n) % 60n
  const rest = secondsText(count - (seconds / 60n) * 60n * perSecond, perSecond, digits)
  const years = Math.trunc(months / 12)
  const date = part(years, "Y") + part(months % 12, "M") + part(days, "D")
  const time = part(hours, "H") + part(minutes, "M") + (rest === "0" ? "" : `${rest}S`)
  return date === "" && time === "" ? "PT0S" : `P${date}${time === "" ? "" : `T${time}`}`
}

function part(value: number | bigint, unit: string): string {
  return Number(value) === 0 ? "" : `${value}${unit}`
}

function secondsText(count: bigint, perSecond: bigint, digits: number): string {
  const negative = count < 0n
  const size = negative ? -count : count
  const fraction = digits === 0 ? "" : `${size % perSecond}`.padStart(digits, "0").replace(/0+$/, "")
  return `${negative ? "-" : ""}${size / perSecond}${fraction === "" ? "" : `.${fraction}`}`
}
