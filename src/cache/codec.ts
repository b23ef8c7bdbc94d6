import { parse, stringify } from "devalue"
import type { Codec } from "./contract.ts"
import { copyData, type SharedValues } from "./plain-data.ts"

/** A codec that knows which values are its own. */
export interface ValueCodec<V> extends Codec<V> {
  accepts(value: unknown): boolean
}

/**
 * Plain data as JSON text: the types of `copyData`, and the values of other codecs anywhere within.
 *
 * Not `v8.serialize`: its reader is not made for bytes that somebody else may have written, and its format follows
 * Node's version. Reading this one builds data and nothing else, and refuses `__proto__`.
 *
 * @param within codecs of values such as tables.
 */
export function plainCodec(within: readonly ValueCodec<object>[] = []): ValueCodec<unknown> {
  const shared: SharedValues = { accepts: (value) => within.some((codec) => codec.accepts(value)), sizeOf: () => 0 }
  const asBuffer = (value: unknown) => Buffer.isBuffer(value) && new Uint8Array(value)
  const reducers: Record<string, (value: unknown) => unknown> = { Buffer: asBuffer }
  const revivers: Record<string, (value: Uint8Array) => unknown> = {
    Buffer: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  }
  for (const codec of within) {
    reducers[codec.id] = (value) => codec.accepts(value) && new Uint8Array(codec.encode(value as object))
    revivers[codec.id] = (bytes) => codec.decode(bytes)
  }
  return {
    id: ["plain@1", ...within.map((codec) => codec.id)].join("+"),
    accepts: () => true,
    // Of a view, devalue would write the whole buffer behind it: the copy has no more than what is seen.
    encode: (value) => Buffer.from(stringify(copyData(value, shared), reducers), "utf8"),
    decode: (bytes) => parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"), revivers),
  }
}

const alignment = 8

/**
 * One codec out of several: the first that accepts a value writes it, and its id stands before the bytes.
 *
 * The bytes are one byte length, the id, zeros up to a multiple of 8, and what the codec wrote.
 */
export function anyCodec(codecs: readonly ValueCodec<unknown>[]): ValueCodec<unknown> {
  return {
    id: `any@1(${codecs.map((codec) => codec.id).join(",")})`,
    accepts: (value) => codecs.some((codec) => codec.accepts(value)),
    encode(value) {
      const codec = codecs.find((one) => one.accepts(value))
      if (!codec) throw new TypeError("No codec accepts this value.")
      const id = Buffer.from(codec.id, "latin1")
      const payloadAt = startAfter(id.length)
      const payload = codec.encode(value)
      const bytes = Buffer.alloc(payloadAt + payload.length)
      bytes[0] = id.length
      bytes.set(id, 1)
      bytes.set(payload, payloadAt)
      return bytes
    },
    decode(bytes) {
      const id = Buffer.from(bytes.subarray(1, 1 + (bytes[0] ?? 0))).toString("latin1")
      const codec = codecs.find((one) => one.id === id)
      if (!codec) throw new TypeError("A value was written by another codec.")
      return codec.decode(bytes.subarray(startAfter(id.length)))
    },
  }
}

function startAfter(idLength: number): number {
  return Math.ceil((1 + idLength) / alignment) * alignment
}
