import { deserialize, serialize } from "node:v8"

/** A message to another process: its structure as bytes, and the bytes of its arrays beside it, which are copied once. */
export interface Packet {
  readonly head: Uint8Array
  readonly parts: readonly Uint8Array[]
  /** The sum of the parts, each rounded up to {@link alignment}. */
  readonly payloadLength: number
}

/** Every array begins at a multiple of this, as 64-bit numbers need. */
const alignment = 8

/** What stands in the structure for an array. */
interface ArrayPlace {
  readonly mooringArray: string
  /** In the payload. */
  readonly offset: number
  /** In elements. */
  readonly length: number
}

const arrayTypes = {
  Int8Array,
  Int16Array,
  Int32Array,
  BigInt64Array,
  Uint8Array,
  Uint16Array,
  Uint32Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
}

type AnyArray = InstanceType<(typeof arrayTypes)[keyof typeof arrayTypes]>

/** Takes a message of plain objects and arrays apart. */
export function toPacket(message: unknown): Packet {
  const parts: Uint8Array[] = []
  let offset = 0
  const place = (array: AnyArray): ArrayPlace => {
    const at = offset
    parts.push(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
    offset += aligned(array.byteLength)
    return { mooringArray: array.constructor.name, offset: at, length: array.length }
  }
  const structure = mapLeaves(message, (leaf) => (ArrayBuffer.isView(leaf) ? place(leaf as AnyArray) : leaf))
  return { head: serialize(structure), parts, payloadLength: offset }
}

/** The message again, with arrays over the payload's own memory. */
export function fromPacket(head: Uint8Array, payload: Uint8Array): unknown {
  return mapLeaves(deserialize(head), (leaf) => {
    if (typeof leaf !== "object" || leaf === null || !("mooringArray" in leaf)) return leaf
    const { mooringArray, offset, length } = leaf as ArrayPlace
    const Type = arrayTypes[mooringArray as keyof typeof arrayTypes]
    return new Type(payload.buffer as ArrayBuffer, payload.byteOffset + offset, length)
  })
}

/** The length that a part takes up in the payload. */
export function aligned(length: number): number {
  return Math.ceil(length / alignment) * alignment
}

/** Replaces what `change` changes, and goes into all other plain objects and arrays. */
function mapLeaves(value: unknown, change: (leaf: unknown) => unknown): unknown {
  const changed = change(value)
  if (changed !== value || typeof value !== "object" || value === null || value instanceof Map) return changed
  if (Array.isArray(value)) return value.map((item) => mapLeaves(item, change))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapLeaves(item, change)]))
}
