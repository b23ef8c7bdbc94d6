/** A time zone whose clock is not UTC. Times are seconds; those of its clock are counted as if it were UTC's. */
export interface Zone {
  /** How far its clock is ahead at an instant. */
  offsetAt(instant: number): number
  /** How far its clock is ahead when it shows this time. Of two instants with the same time, the earlier one's. */
  offsetAtWall(wall: number): number
}

const hour = 3600

/** The zone that a session's `time_zone` names; undefined for what only the server knows: SYSTEM. */
export function zoneNamed(name: string): Zone | undefined {
  const fixed = /^([+-])(\d\d?):(\d\d)$/.exec(name)
  if (fixed) {
    const seconds = (fixed[1] === "-" ? -1 : 1) * (Number(fixed[2]) * hour + Number(fixed[3]) * 60)
    return { offsetAt: () => seconds, offsetAtWall: () => seconds }
  }
  if (name === "" || /^system$/i.test(name)) return undefined
  try {
    return namedZone(new Intl.DateTimeFormat("en-US", { ...parts, timeZone: name }))
  } catch {
    return undefined
  }
}

const parts = {
  calendar: "gregory",
  hourCycle: "h23",
  era: "short",
  year: "numeric",
  month: "numeric",
  day: "numeric",
  hour: "numeric",
  minute: "numeric",
  second: "numeric",
} as const

/** Offsets change on the quarter of an hour at most: one is asked for once in each. */
const grain = 900

function namedZone(format: Intl.DateTimeFormat): Zone {
  const known = new Map<number, number>()
  const offsetAt = (instant: number): number => {
    const key = Math.floor(instant / grain)
    let offset = known.get(key)
    if (offset === undefined) {
      if (known.size > 10_000) known.clear()
      known.set(key, (offset = shown(format, key * grain) - key * grain))
    }
    return offset
  }
  const offsetAtWall = (wall: number): number => {
    // The clock shows this time at the one instant or the other, if at any: a day before and after, both offsets are known.
    const before = offsetAt(wall - 24 * hour)
    if (offsetAt(wall - before) === before) return before
    const after = offsetAt(wall + 24 * hour)
    return offsetAt(wall - after) === after ? after : before
  }
  return { offsetAt, offsetAtWall }
}

/** What a clock shows at an instant. */
function shown(format: Intl.DateTimeFormat, instant: number): number {
  const field: Record<string, string> = {}
  for (const { type, value } of format.formatToParts(instant * 1000)) field[type] = value
  const year = field.era === "BC" ? 1 - Number(field.year) : Number(field.year)
  const date = new Date(0)
  date.setUTCFullYear(year, Number(field.month) - 1, Number(field.day))
  date.setUTCHours(Number(field.hour), Number(field.minute), Number(field.second))
  return date.getTime() / 1000
}
