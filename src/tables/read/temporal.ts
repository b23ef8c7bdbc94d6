import type { RawBatch } from "../batch.ts"
import { bit } from "../bitmap.ts"
import { halvesOf, int64Of } from "./numbers.ts"
import { misfit, type ReadContext, Reader } from "./reader.ts"
import { dateText, durationText, timeText } from "./time-text.ts"

const dayMs = 86_400_000
const maxDateMs = 8.64e15

/** Digits after the second, by Arrow's time unit: s, ms, µs, ns. */
export const unitDigits: readonly number[] = [0, 3, 6, 9]

const infinityDays = 2_147_483_647
const infinity = 2n ** 63n - 1n

/** Dates, as text or as midnight UTC. The greatest and the least day stand for ±infinity, as DuckDB has it. */
export class DateReader extends Reader<string | Date> {
  private readonly days: (index: number) => number
  private readonly context: ReadContext

  constructor(batch: RawBatch, unit: number, context: ReadContext) {
    super(batch)
    const numbers = batch.values as Int32Array
    const milliseconds = unit === 0 ? undefined : int64Of(batch, true)
    this.days = milliseconds ? (index) => Math.floor(Number(milliseconds(index)) / dayMs) : (index) => numbers[index]!
    this.context = context
  }

  value(index: number): string | Date {
    const days = this.days(index)
    const milliseconds = days * dayMs
    if (this.context.values.date === "string") return daysText(days)
    if (Math.abs(milliseconds) <= maxDateMs) return new Date(milliseconds)
    const text = daysText(days)
    const hint = 'Pass values: { date: "string" } to get it.'
    return misfit(this.context, text, `the date ${text}, which a Date cannot hold`, hint)
  }
}

function daysText(days: number): string {
  if (days === infinityDays) return "infinity"
  return days <= -infinityDays ? "-infinity" : dateText(days)
}

/** Times of day as text with the column's precision. */
export class TimeReader extends Reader<string> {
  private readonly numbers: Int32Array
  private readonly stride: number
  private readonly digits: number

  constructor(batch: RawBatch, unit: number, bitWidth: number) {
    super(batch)
    this.numbers = halvesOf(batch)
    this.stride = bitWidth >> 5
    this.digits = unitDigits[unit]!
  }

  value(index: number): string {
    const { numbers, stride, digits } = this
    const low = numbers[index * stride]!
    const count = stride === 1 ? low : numbers[index * 2 + 1]! * 4_294_967_296 + (low >>> 0)
    const perSecond = 10 ** digits
    const seconds = Math.floor(count / perSecond)
    return timeText(seconds, count - seconds * perSecond, digits)
  }
}

/** Timestamps. Without a zone they are read as UTC. The greatest and the least value stand for ±infinity. */
export class TimestampReader extends Reader<Date | string | number> {
  private readonly halves: Int32Array
  private readonly exact: (index: number) => bigint
  private readonly digits: number
  private readonly perMs: number
  private readonly suffix: string
  private readonly context: ReadContext

  constructor(batch: RawBatch, unit: number, timezone: string | null, context: ReadContext) {
    super(batch)
    this.halves = halvesOf(batch)
    this.exact = int64Of(batch, true)
    this.digits = unitDigits[unit]!
    this.perMs = 10 ** (this.digits - 3)
    this.suffix = timezone ? "Z" : ""
    this.context = context
  }

  value(index: number): Date | string | number {
    const kind = this.context.values.timestamp
    if (kind === "string") return this.text(index)
    const milliseconds = this.milliseconds(index)
    if (Number.isNaN(milliseconds)) return this.outOfRange(index)
    return kind === "number" ? milliseconds : new Date(Math.floor(milliseconds))
  }

  override fill(out: unknown[], place: number, start: number, end: number): void {
    if (this.context.values.timestamp !== "Date") {
      super.fill(out, place, start, end)
      return
    }
    const { validity } = this
    const nullable = this.nullCount > 0
    for (let i = start; i < end; i++) {
      if (nullable && !bit(validity, i)) {
        out[place++] = null
        continue
      }
      const milliseconds = this.milliseconds(i)
      out[place++] = Number.isNaN(milliseconds) ? this.outOfRange(i) : new Date(Math.floor(milliseconds))
    }
  }

  /** NaN for what a Date cannot hold. */
  private milliseconds(index: number): number {
    const { halves, perMs } = this
    const count = halves[index * 2 + 1]! * 4_294_967_296 + (halves[index * 2]! >>> 0)
    if (count > Number.MAX_SAFE_INTEGER || count < Number.MIN_SAFE_INTEGER) return this.farMilliseconds(index)
    const milliseconds = count / perMs
    return Math.abs(milliseconds) <= maxDateMs ? milliseconds : Number.NaN
  }

  /** Counts beyond 2^53: nanoseconds after 104 days, and microseconds after the year 2255. */
  private farMilliseconds(index: number): number {
    const count = this.exact(index)
    if (count >= infinity || count <= -infinity || this.digits < 6) return Number.NaN
    const perMs = BigInt(this.perMs)
    const whole = floorDivide(count, perMs)
    const milliseconds = Number(whole) + Number(count - whole * perMs) / this.perMs
    if (Math.abs(milliseconds) > maxDateMs) return Number.NaN
    // A fraction too fine for a double must not round up into the next millisecond.
    return Math.floor(milliseconds) > Number(whole) ? Number(whole) : milliseconds
  }

  private text(index: number): string {
    const count = this.exact(index)
    if (count >= infinity) return "infinity"
    if (count <= -infinity) return "-infinity"
    const perSecond = 10n ** BigInt(this.digits)
    const seconds = floorDivide(count, perSecond)
    const days = floorDivide(seconds, 86_400n)
    const clock = timeText(Number(seconds - days * 86_400n), Number(count - seconds * perSecond), this.digits)
    return `${dateText(Number(days))}T${clock}${this.suffix}`
  }

  private outOfRange(index: number): string {
    const text = this.text(index)
    const hint = 'Pass values: { timestamp: "string" } to get it.'
    return misfit(this.context, text, `the timestamp ${text}, which a Date cannot hold`, hint)
  }
}

/** Calendar intervals as ISO 8601 durations. */
export class IntervalReader extends Reader<string> {
  private readonly numbers: Int32Array
  private readonly unit: number

  constructor(batch: RawBatch, unit: number) {
    super(batch)
    this.numbers = halvesOf(batch)
    this.unit = unit
  }

  value(index: number): string {
    const { numbers } = this
    if (this.unit === 0) return durationText(numbers[index]!, 0, 0n, 0)
    if (this.unit === 1) return durationText(0, numbers[index * 2]!, BigInt(numbers[index * 2 + 1]!), 3)
    const place = index * 4
    const nanoseconds = (BigInt(numbers[place + 3]!) << 32n) | BigInt(numbers[place + 2]! >>> 0)
    return durationText(numbers[place]!, numbers[place + 1]!, nanoseconds, 9)
  }
}

/** Lengths of time as ISO 8601 durations. */
export class DurationReader extends Reader<string> {
  private readonly exact: (index: number) => bigint
  private readonly digits: number

  constructor(batch: RawBatch, unit: number) {
    super(batch)
    this.exact = int64Of(batch, true)
    this.digits = unitDigits[unit]!
  }

  value(index: number): string {
    return durationText(0, 0, this.exact(index), this.digits)
  }
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return a % b < 0n ? quotient - 1n : quotient
}
