import { writeSync } from "node:fs"
import { MooringError } from "../../../errors.ts"
import { aligned, type Packet } from "./packet.ts"

/** The messages between a process and its child for SQLite, as bytes in a pipe. */

/** What a frame is for. To the child: `start`, `request`, `stop`, `leave`; from it: `reply`, `lost`. */
export const frameKinds = { start: 1, request: 2, stop: 3, leave: 4, reply: 5, lost: 6 } as const

/** One of {@link frameKinds}. */
export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds]

/** Kind and length of the head as 32-bit numbers, and the payload's length as a 64-bit one, in the machine's own order. */
const headerLength = 16

/** The header and the head of a frame; the payload's parts follow it, each padded. */
export function frameStart(kind: FrameKind, head: Uint8Array, payloadLength = 0): Uint8Array {
  const bytes = new Uint8Array(headerLength + head.byteLength)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, kind, true)
  view.setUint32(4, head.byteLength, true)
  view.setFloat64(8, payloadLength, true)
  bytes.set(head, headerLength)
  return bytes
}

/** Puts frames together from the pieces in which a pipe delivers them. */
export class FrameReader {
  readonly #onFrame: (kind: FrameKind, head: Uint8Array, payload: Uint8Array) => void
  readonly #header = new Uint8Array(headerLength)
  /** The header, the head and the payload, one after the other; what is read now, and how much of it is there. */
  #target: Uint8Array = this.#header
  #filled = 0
  #head: Uint8Array | undefined

  constructor(onFrame: (kind: FrameKind, head: Uint8Array, payload: Uint8Array) => void) {
    this.#onFrame = onFrame
  }

  /** @throws MooringError `TOO_LARGE` for a frame that this process cannot hold: no frame can be read after it. */
  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.byteLength) {
      const taken = Math.min(chunk.byteLength - at, this.#target.byteLength - this.#filled)
      this.#target.set(chunk.subarray(at, at + taken), this.#filled)
      at += taken
      this.#filled += taken
      // A head or payload without a byte is complete at once.
      while (this.#filled === this.#target.byteLength) this.#advance()
    }
  }

  #advance(): void {
    const header = new DataView(this.#header.buffer)
    const complete = this.#target
    this.#filled = 0
    if (complete === this.#header) {
      this.#target = new Uint8Array(header.getUint32(4, true))
    } else if (this.#head === undefined) {
      this.#head = complete
      this.#target = arrayOf(header.getFloat64(8, true))
    } else {
      const head = this.#head
      this.#head = undefined
      this.#target = this.#header
      this.#onFrame(header.getUint32(0, true) as FrameKind, head, complete)
    }
  }
}

function arrayOf(length: number): Uint8Array {
  try {
    return new Uint8Array(length)
  } catch (cause) {
    const size = Math.round(length / 2 ** 20)
    throw new MooringError("TOO_LARGE", `The rows take up ${size} MB, which this process cannot hold at once.`, {
      hint: "Read them in batches with stream(), or select fewer rows or columns.",
      cause,
    })
  }
}

/** Writes a packet to a pipe, and waits until it is written. */
export function writePacket(file: number, kind: FrameKind, { head, parts, payloadLength }: Packet): void {
  const start = frameStart(kind, head, payloadLength)
  const length = start.byteLength + payloadLength
  if (length <= smallFrame) {
    const bytes = new Uint8Array(length)
    bytes.set(start)
    let at = start.byteLength
    for (const part of parts) {
      bytes.set(part, at)
      at += aligned(part.byteLength)
    }
    writeAll(file, bytes)
    return
  }
  writeAll(file, start)
  for (const part of parts) {
    writeAll(file, part)
    const padding = aligned(part.byteLength) - part.byteLength
    if (padding > 0) writeAll(file, new Uint8Array(padding))
  }
}

/** Up to here, one write of a copy takes less time than a write for each part. */
const smallFrame = 65_536
const sleepCell = new Int32Array(new SharedArrayBuffer(4))

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength; ) {
    try {
      at += writeSync(file, bytes, at)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // The reader is gone, and the host thread ends this process.
      if (code === "EPIPE") return
      // Some runtimes have the pipe in non-blocking mode.
      if (code !== "EAGAIN") throw error
      Atomics.wait(sleepCell, 0, 0, 1)
    }
  }
}
