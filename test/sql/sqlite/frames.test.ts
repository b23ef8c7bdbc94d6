import fc from "fast-check"
import { expect, test } from "vitest"
import { FrameReader, frameKinds, frameStart } from "../../../src/sql/dialects/sqlite/frames.ts"
import { aligned, fromPacket, toPacket } from "../../../src/sql/dialects/sqlite/packet.ts"

/** Anything that a reply may hold. */
const messages = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string(),
    fc.bigInt(),
    fc.double(),
    fc.constant(null),
    fc.constant(undefined),
    fc.uint8Array(),
    fc.float64Array(),
    fc.bigInt64Array(),
    fc.int32Array(),
  ),
  message: fc.oneof(
    tie("leaf"),
    fc.array(tie("message"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("message"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).message

/** A packet as one run of bytes. */
function bytesOf(message: unknown): Uint8Array {
  const { head, parts, payloadLength } = toPacket(message)
  const padded = parts.map((part) => Buffer.concat([part, new Uint8Array(aligned(part.byteLength) - part.byteLength)]))
  return Buffer.concat([frameStart(frameKinds.reply, head, payloadLength), ...padded])
}

test("messages arrive as they were sent, however the pipe cuts them", () => {
  fc.assert(
    fc.property(fc.array(messages, { maxLength: 4 }), fc.array(fc.integer({ min: 1, max: 50 })), (sent, cuts) => {
      const received: unknown[] = []
      const reader = new FrameReader((kind, head, payload) => {
        expect(kind).toBe(frameKinds.reply)
        received.push(fromPacket(head, payload))
      })
      const bytes = Buffer.concat(sent.map(bytesOf))
      let at = 0
      for (const cut of [...cuts, bytes.byteLength]) {
        reader.push(bytes.subarray(at, at + cut))
        at = Math.min(bytes.byteLength, at + cut)
      }
      expect(received).toEqual(sent)
    }),
  )
})

test("arrays are read where the frame put them, without another copy", () => {
  const { head, parts, payloadLength } = toPacket([
    new Float64Array([1, 2]),
    new Uint8Array([3]),
    new BigInt64Array([4n]),
  ])
  expect({ parts: parts.length, payloadLength }).toEqual({ parts: 3, payloadLength: 32 })
  const payload = new Uint8Array(payloadLength)
  for (const array of fromPacket(head, payload) as Uint8Array[]) expect(array.buffer).toBe(payload.buffer)
})
