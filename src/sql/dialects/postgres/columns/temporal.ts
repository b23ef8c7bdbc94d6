import { dateDay, interval, TimeUnit, timestamp } from "@uwdata/flechette"
import type { FixedColumn } from "../../../../tables/columns.ts"
import { FixedReader } from "./fixed.ts"
import { cannotHold, type FieldPlaces } from "./reader.ts"

/** PostgreSQL counts from 2000-01-01, Arrow from 1970-01-01. */
const epochDays = 10_957
const epochMicroseconds = BigInt(epochDays) * 86_400_000_000n
const epochHigh = Number(epochMicroseconds >> 32n)
const epochLow = Number(epochMicroseconds & 0xffff_ffffn)

const greatestInt32 = 0x7fff_ffff
const leastInt32 = -0x8000_0000

/** Days. The greatest and the least number are ±infinity, here and there. */
export class DateReader extends FixedReader {
  constructor(name: string) {
    super(name, dateDay(), 4)
  }

  protected copy({ source, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const { view } = source
    const values = target.values as Int32Array
    const start = target.length
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place < 0) continue
      const days = view.getInt32(place)
      values[start + i] = days === greatestInt32 || days === leastInt32 ? days : days + epochDays
    }
  }
}

/** Microseconds. The greatest and the least number are ±infinity, here and there. */
export class TimestampReader extends FixedReader {
  constructor(name: string, zone: string | null) {
    super(name, timestamp(TimeUnit.MICROSECOND, zone), 8)
  }

  protected copy({ source, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const { view } = source
    const halves = new Int32Array(target.bytes.buffer)
    let to = target.length * 2
    for (let i = 0, at = column; i < count; i++, at += stride, to += 2) {
      const place = places[at]!
      if (place < 0) continue
      let high = view.getInt32(place)
      let low = view.getUint32(place + 4)
      const infinite = (high === greatestInt32 && low === 0xffff_ffff) || (high === leastInt32 && low === 0)
      if (!infinite) {
        low += epochLow
        high += epochHigh
        if (low > 0xffff_ffff) high++
        // Arrow's microseconds end in the year 294247, PostgreSQL's in 294276.
        if (high > greatestInt32) throw cannotHold(this.field.name, "a timestamp after the year 294246")
      }
      halves[to] = low
      halves[to + 1] = high
    }
  }
}

/** Months, days and microseconds; Arrow wants nanoseconds. */
export class IntervalReader extends FixedReader {
  constructor(name: string) {
    super(name, interval(), 16)
  }

  protected copy({ source, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const { view } = source
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place < 0) continue
      const microseconds = view.getBigInt64(place)
      const days = view.getInt32(place + 8)
      const months = view.getInt32(place + 12)
      const nanoseconds = microseconds * 1000n
      if (BigInt.asIntN(64, nanoseconds) !== nanoseconds) {
        throw cannotHold(this.field.name, "an interval of more than 2,562,047 hours, or an infinite one")
      }
      const to = (target.length + i) * 16
      target.view.setInt32(to, months, true)
      target.view.setInt32(to + 4, days, true)
      target.view.setBigInt64(to + 8, nanoseconds, true)
    }
  }
}
