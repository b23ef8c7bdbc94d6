import { Buffer } from "node:buffer"

/** What a stored entry says about its value. */
export interface FileHeader {
  /** The digest of the key: an entry under another's name is not taken for it. */
  readonly key: string
  /** The codec's id. */
  readonly codec: string
  readonly storedAt: number
  readonly expiresAt: number
  readonly epoch: string
  readonly bytes: number
  /** How many bytes the payload has when it is unpacked by zstd. Absent where it is stored as it is. */
  readonly unpacked?: number | undefined
}

/** Names format and version: what begins otherwise is not read. */
const magic = Buffer.from("mooring cache 1\n", "latin1")
const checksumBytes = 32
const lengthAt = magic.length + checksumBytes
const headerAt = lengthAt + 4
/** Arrow reads 64-bit values in place where they are aligned; 64 bytes are what it recommends. */
const alignment = 64

/**
 * A cache file, or an entry in a server, in two parts: what stands before the payload, and the payload itself.
 *
 * 16 bytes magic, 32 bytes SHA-256 of all that follows, 4 bytes length of the header (little-endian), the header as
 * JSON, zeros up to a multiple of 64, the payload.
 */
export function encodeFile(header: FileHeader, payload: Uint8Array): readonly [Uint8Array, Uint8Array] {
  // JSON has no Infinity: null stands for it.
  const json = Buffer.from(JSON.stringify(header), "utf8")
  const front = Buffer.alloc(Math.ceil((headerAt + json.length) / alignment) * alignment)
  magic.copy(front)
  front.writeUInt32LE(json.length, lengthAt)
  json.copy(front, headerAt)
  checksum(front.subarray(lengthAt), payload).copy(front, magic.length)
  return [front, payload]
}

/** The header and the payload, which shares the file's memory; undefined for anything but a whole, untouched file. */
export function decodeFile(file: Uint8Array): { header: FileHeader; payload: Uint8Array } | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  if (bytes.length < headerAt || !bytes.subarray(0, magic.length).equals(magic)) return undefined
  if (!checksum(bytes.subarray(lengthAt)).equals(bytes.subarray(magic.length, lengthAt))) return undefined
  const headerEnd = headerAt + bytes.readUInt32LE(lengthAt)
  const payloadAt = Math.ceil(headerEnd / alignment) * alignment
  if (payloadAt > bytes.length) return undefined
  const header = parseHeader(bytes.toString("utf8", headerAt, headerEnd))
  return header && { header, payload: file.subarray(payloadAt) }
}

function checksum(...parts: Uint8Array[]): Buffer {
  const hash = process.getBuiltinModule("node:crypto").createHash("sha256")
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** A checksum can be made by whoever can write the file: nothing is taken for granted. */
function parseHeader(json: string): FileHeader | undefined {
  let header: Record<string, unknown> | null
  try {
    header = JSON.parse(json)
  } catch {
    return undefined
  }
  if (typeof header !== "object" || header === null) return undefined
  const { key, codec, storedAt, epoch, bytes, unpacked } = header
  const expiresAt = header.expiresAt === null ? Number.POSITIVE_INFINITY : header.expiresAt
  if (typeof key !== "string" || typeof codec !== "string" || typeof epoch !== "string") return undefined
  if (typeof storedAt !== "number" || typeof expiresAt !== "number" || typeof bytes !== "number") return undefined
  if (unpacked !== undefined && !isCount(unpacked)) return undefined
  return { key, codec, storedAt, expiresAt, epoch, bytes, unpacked }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
}
