import { Type } from "@uwdata/flechette"
import type { ColumnBuilder } from "../../../../tables/columns.ts"
import type { Field } from "../../../../tables/index.ts"
import { badField, type ColumnReader, type FieldPlaces, lengthCoded } from "./reader.ts"

/** Writes a value that came as text as the binary protocol has it, and gives its size; -1 for what is none. */
type Encode = (text: string, view: DataView) => number

/** A column's reader for the text protocol. */
export function fromText(reader: ColumnReader): ColumnReader {
  const encode = encoderOf(reader)
  return encode === undefined ? reader : new FromText(reader, encode)
}

/** Undefined for what both protocols send as the same bytes. */
function encoderOf({ width, field: { type } }: ColumnReader): Encode | undefined {
  if (width === lengthCoded) return undefined
  switch (type.typeId) {
    case Type.Float:
      return width === 4 ? float32 : float64
    case Type.Date:
    case Type.Timestamp:
      return calendar
    case Type.Duration:
      return time
    default:
      return integer(width)
  }
}

/** The largest of the encoded values. */
const room = 12

/** Makes binary fields of text fields, so that the values of both protocols are read in one place. */
class FromText implements ColumnReader {
  readonly builder: ColumnBuilder
  readonly field: Field
  readonly width: number
  private readonly reader: ColumnReader
  private readonly encode: Encode

  constructor(reader: ColumnReader, encode: Encode) {
    this.builder = reader.builder
    this.field = reader.field
    this.width = reader.width
    this.reader = reader
    this.encode = encode
  }

  read({ bytes, places, sizes, count, stride }: FieldPlaces, column: number): void {
    const binary = {
      bytes: Buffer.alloc(count * room),
      places: new Int32Array(count).fill(-1),
      sizes: new Int32Array(count),
    }
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place < 0) continue
      const text = bytes.toString("latin1", place, place + sizes[at]!)
      binary.places[i] = i * room
      const size = this.encode(text, new DataView(binary.bytes.buffer, binary.bytes.byteOffset + i * room, room))
      if (size < 0) throw badField(this.field.name, "a text that is no value of its type")
      binary.sizes[i] = size
    }
    const view = new DataView(binary.bytes.buffer, binary.bytes.byteOffset, binary.bytes.length)
    this.reader.read({ ...binary, view, count, stride: 1 }, 0)
  }
}

function float32(text: string, view: DataView): number {
  view.setFloat32(0, Number(text), true)
  return isNumber(text) ? 4 : -1
}

function float64(text: string, view: DataView): number {
  view.setFloat64(0, Number(text), true)
  return isNumber(text) ? 8 : -1
}

function isNumber(text: string): boolean {
  return /^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text) && !Number.isNaN(Number(text))
}

function integer(width: number): Encode {
  const bits = width * 8
  return (text, view) => {
    if (!/^-?\d{1,40}$/.test(text)) return -1
    const value = BigInt(text)
    if (BigInt.asIntN(bits, value) !== value && BigInt.asUintN(bits, value) !== value) return -1
    view.setBigInt64(0, BigInt.asIntN(64, value), true)
    return width
  }
}

/** `2024-02-29`, `2024-02-29 23:59:59.999999`. */
function calendar(text: string, view: DataView): number {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?$/.exec(text)
  if (match === null) return -1
  const [year, ...parts] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [number, ...number[]]
  view.setUint16(0, year, true)
  for (let i = 0; i < parts.length; i++) view.setUint8(2 + i, parts[i]!)
  view.setUint32(7, microseconds(match[7]), true)
  return match[4] === undefined ? 4 : 11
}

/** `-838:59:59.999999`. */
function time(text: string, view: DataView): number {
  const match = /^(-?)(\d{2,3}):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(text)
  if (match === null) return -1
  const hours = Number(match[2])
  view.setUint8(0, match[1] === "-" ? 1 : 0)
  view.setUint32(1, Math.floor(hours / 24), true)
  view.setUint8(5, hours % 24)
  view.setUint8(6, Number(match[3]))
  view.setUint8(7, Number(match[4]))
  view.setUint32(8, microseconds(match[5]), true)
  return 12
}

function microseconds(fraction = ""): number {
  return Number(fraction.padEnd(6, "0"))
}
