/** A Date as PostgreSQL reads it under every setting of `DateStyle`, in UTC. */
export interface TimestampText {
  /** `2024-02-29`; years of more than four digits have them all. */
  readonly date: string
  /** `12:00:00.123` */
  readonly clock: string
  /** ` BC` for years before the first, else nothing. */
  readonly era: string
}

/**
 * The parts of a Date. The year 0 of JavaScript and ISO 8601 is 1 BC.
 *
 * @see https://www.postgresql.org/docs/current/datatype-datetime.html
 */
export function timestampText(value: Date): TimestampText {
  const [day = "", clock = ""] = value.toISOString().slice(0, -1).split("T")
  const year = value.getUTCFullYear()
  const monthAndDay = day.slice(-6)
  const shown = String(year > 0 ? year : 1 - year).padStart(4, "0")
  return { date: shown + monthAndDay, clock, era: year > 0 ? "" : " BC" }
}

/** The day of a Date in UTC. */
export function dateText(value: Date): string {
  const { date, era } = timestampText(value)
  return date + era
}
