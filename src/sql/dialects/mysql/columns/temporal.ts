import { dateDay, duration, TimeUnit, timestamp } from "@uwdata/flechette"
import type { FixedColumn } from "../../../../tables/columns.ts"
import type { Zone } from "../zone.ts"
import { FixedReader } from "./fixed.ts"
import { badField, cannotHold, type FieldPlaces, lengthByte, quoted } from "./reader.ts"

/**
 * What becomes of dates that no calendar has, which MySQL stores where `sql_mode` lets it: `0000-00-00`, `2024-02-00`,
 * `2024-02-30`. Arrow cannot hold them, so that they are an error unless the user asks for NULL.
 */
export type ZeroDates = "error" | "null"

const daysBefore: readonly number[] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
const daysIn: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
// A small integer, as the days are, so that none of them is boxed.
const noDay: number = -0x8000_0000
const epochDays = 719_528
const limbBase = 4_294_967_296

/** Days from 1970-01-01 to a day of the proleptic Gregorian calendar; {@link noDay} for one that it does not have. */
function dayOf(year: number, month: number, day: number): number {
  const isLeap = (year & 3) === 0 && (year % 100 !== 0 || year % 400 === 0)
  if (month < 1 || month > 12 || day < 1) return noDay
  if (day > daysIn[month - 1]! && !(isLeap && month === 2 && day === 29)) return noDay
  const leapDays = ((year + 3) >> 2) - Math.floor((year - 1) / 100) + Math.floor((year - 1) / 400)
  return year * 365 + leapDays - epochDays + daysBefore[month - 1]! + day - (isLeap && month > 2 ? 0 : 1)
}

/** Dates and timestamps: year, month, day, then perhaps hour, minute, second, then perhaps microseconds. */
abstract class CalendarReader extends FixedReader {
  protected readonly zeroDates: ZeroDates
  private readonly lengths: readonly number[]

  constructor(
    name: string,
    type: ConstructorParameters<typeof FixedReader>[1],
    lengths: readonly number[],
    zeroDates: ZeroDates,
  ) {
    super(name, type, lengthByte)
    this.lengths = lengths
    this.zeroDates = zeroDates
  }

  override read(rows: FieldPlaces, column: number): void {
    const { places, sizes, count, stride } = rows
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place < 0) continue
      const size = sizes[at]!
      if (size !== 0 && !this.lengths.includes(size)) throw badField(this.field.name, `a date of ${size} bytes`)
      if (this.zeroDates === "null" && this.dayAt(rows, place, size) === noDay) places[at] = -1
    }
    super.read(rows, column)
  }

  /** The zero date is sent as no bytes at all. */
  protected dayAt({ view, bytes }: FieldPlaces, place: number, size: number): number {
    if (size === 0) return noDay
    return dayOf(view.getUint16(place, true), bytes[place + 2]!, bytes[place + 3]!)
  }

  protected noSuchDay({ view, bytes }: FieldPlaces, place: number, size: number): Error {
    const [year, month, day] =
      size === 0 ? [0, 0, 0] : [view.getUint16(place, true), bytes[place + 2]!, bytes[place + 3]!]
    const text = `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`
    const { name } = this.field
    return cannotHold(
      name,
      `the date ${text}, which no calendar has`,
      `Cast it to text in the statement, cast(${quoted(name)} as char), or set zero_dates = "null" to get NULL for such dates.`,
    )
  }
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, "0")
}

export class DateReader extends CalendarReader {
  constructor(name: string, zeroDates: ZeroDates) {
    super(name, dateDay(), [4], zeroDates)
  }

  protected copy(rows: FieldPlaces, column: number, target: FixedColumn): void {
    const { places, sizes, count, stride } = rows
    const values = target.values as Int32Array
    const start = target.length
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place < 0) continue
      const day = this.dayAt(rows, place, sizes[at]!)
      if (day === noDay) throw this.noSuchDay(rows, place, sizes[at]!)
      values[start + i] = day
    }
  }
}

/** `datetime` and `timestamp`, in microseconds; the latter in UTC. */
export class TimestampReader extends CalendarReader {
  private readonly clock: Zone | undefined

  /** @param clock whose times they are, where it is not UTC. */
  constructor(name: string, zone: string | null, zeroDates: ZeroDates, clock?: Zone) {
    super(name, timestamp(TimeUnit.MICROSECOND, zone), [4, 7, 11], zeroDates)
    this.clock = clock
  }

  protected copy(rows: FieldPlaces, column: number, target: FixedColumn): void {
    const { bytes, view, places, sizes, count, stride } = rows
    const halves = new Int32Array(target.bytes.buffer)
    // Neighbours are often of one day: what it comes to is not counted again. No day is all zeros.
    const { clock } = this
    let date = 0
    let day = 0
    let high = 0
    let low = 0
    let to = target.length * 2
    for (let i = 0, at = column; i < count; i++, at += stride, to += 2) {
      const place = places[at]!
      if (place < 0) continue
      const size = sizes[at]!
      if (size === 0) throw this.noSuchDay(rows, place, size)
      const given = view.getInt32(place)
      if (given !== date || given === 0) {
        day = this.dayAt(rows, place, size)
        if (day === noDay) throw this.noSuchDay(rows, place, size)
        // A day is 10,546,875 · 2^13 microseconds; the days' own product stays below 2^53.
        high = Math.floor((day * 10_546_875) / 524_288)
        low = (day * 10_546_875 - high * 524_288) * 8192
        date = given
      }
      const seconds = size < 7 ? 0 : secondsAt(bytes, place + 4)
      const ahead = clock === undefined ? 0 : clock.offsetAtWall(day * 86_400 + seconds)
      const rest = low + (seconds - ahead) * 1_000_000 + (size < 11 ? 0 : view.getUint32(place + 7, true))
      halves[to] = rest
      halves[to + 1] = high + Math.floor(rest / limbBase)
    }
  }
}

/**
 * `time`, from -838:59:59.999999 to 838:59:59.999999, as a length of time: a sign, days, hour, minute, second, then
 * perhaps microseconds; zero is no bytes at all.
 */
export class TimeReader extends FixedReader {
  constructor(name: string) {
    super(name, duration(TimeUnit.MICROSECOND), lengthByte)
  }

  protected copy(
    { bytes, view, places, sizes, count, stride }: FieldPlaces,
    column: number,
    target: FixedColumn,
  ): void {
    const halves = new Int32Array(target.bytes.buffer)
    let to = target.length * 2
    for (let i = 0, at = column; i < count; i++, at += stride, to += 2) {
      const place = places[at]!
      if (place < 0) continue
      const size = sizes[at]!
      if (size !== 0 && size !== 8 && size !== 12) throw badField(this.field.name, `a time of ${size} bytes`)
      const sign = size === 0 || bytes[place] === 0 ? 1 : -1
      const seconds = size === 0 ? 0 : view.getUint32(place + 1, true) * 86_400 + secondsAt(bytes, place + 5)
      writeMicroseconds(halves, to, sign * seconds, size < 12 ? 0 : sign * view.getUint32(place + 8, true))
    }
  }
}

function secondsAt(bytes: Buffer, place: number): number {
  return bytes[place]! * 3600 + bytes[place + 1]! * 60 + bytes[place + 2]!
}

/**
 * A count of microseconds in two halves. It may exceed 2^53, so that the seconds are split, too: 65,536 of them are
 * 15,625 · 2^22 microseconds.
 */
function writeMicroseconds(halves: Int32Array, to: number, seconds: number, microseconds: number): void {
  const many = Math.floor(seconds / 65_536)
  const few = seconds - many * 65_536
  const upper = many * 15_625
  const high = Math.floor(upper / 1024)
  const low = (upper - high * 1024) * 4_194_304 + few * 1_000_000 + microseconds
  halves[to] = low
  halves[to + 1] = high + Math.floor(low / 4_294_967_296)
}
