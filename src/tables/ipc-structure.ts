import { FlatTable, sizeAt } from "./flatbuffer.ts"

/** IPC bytes, taken apart into messages. */
export interface IPCStructure {
  /** The message with the schema, alone. */
  readonly schema: Uint8Array
  /** Dictionaries and records, in the order in which they count. */
  readonly parts: readonly IPCPart[]
}

/** The record batch of a message: rows of the table, or of a dictionary. */
export interface IPCPart {
  /** Where its message is in the bytes. */
  readonly start: number
  readonly end: number
  /** Undefined for rows of the table. */
  readonly dictionary: { readonly id: number; readonly isDelta: boolean } | undefined
  readonly rows: number
  readonly nodes: readonly { readonly length: number; readonly nullCount: number }[]
  /** The buffers, as views of the bytes. */
  readonly buffers: readonly Uint8Array[]
  /** How many buffers each column of views has. */
  readonly viewBuffers: readonly number[]
}

/** Bytes that are in Arrow's format, and of a kind that is not read. */
export class UnreadableError extends RangeError {
  readonly hint: string
  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

const magic = "ARROW1"
const headers = { schema: 1, dictionary: 2, records: 3 } as const
/** Types inside of types. */
const maxDepth = 64
/** Each piece of a dictionary copies the list of those before it. */
const maxPieces = 10_000

/**
 * Takes an IPC stream or file apart, and checks each length, offset and count of its metadata against the bytes.
 *
 * @throws RangeError
 */
export function readStructure(bytes: Uint8Array): IPCStructure {
  const { schema, messages } = isMagic(bytes, 0) ? readFile(bytes) : readStream(bytes)
  const parts = messages.flatMap(({ part }) => part ?? [])
  if (parts.filter(({ dictionary }) => dictionary?.isDelta).length > maxPieces) {
    throw new RangeError("A dictionary is in too many pieces.")
  }
  return { schema, parts }
}

interface Parts {
  readonly schema: Uint8Array
  readonly messages: readonly Message[]
}

function readStream(bytes: Uint8Array): Parts {
  const messages: Message[] = []
  for (let at = 0; at < bytes.length; ) {
    const message = readMessage(bytes, at, bytes.length)
    if (message === undefined) break
    if (at === 0 && message.kind !== headers.schema) break
    messages.push(message)
    at = message.end
  }
  const [first] = messages
  if (first === undefined) throw new RangeError("The bytes do not begin with a schema.")
  return { schema: bytes.subarray(0, first.end), messages }
}

/** The footer of a file, as a view of its bytes. */
export function footerOf(bytes: Uint8Array): Uint8Array {
  const tail = bytes.length - magic.length
  if (tail < 12 || !isMagic(bytes, tail)) throw new RangeError("The file does not end as one.")
  const footerSize = viewOf(bytes).getInt32(tail - 4, true)
  const footerAt = tail - 4 - footerSize
  if (footerSize <= 0 || footerAt < 8) throw new RangeError("The footer is outside.")
  return bytes.subarray(footerAt, tail - 4)
}

/** By the lists of blocks in the footer. */
function readFile(bytes: Uint8Array): Parts {
  const footerBytes = footerOf(bytes)
  const footerAt = footerBytes.byteOffset - bytes.byteOffset
  const footer = FlatTable.root(footerBytes)
  const dictionaries = footer.items(8, 24, sizeAt)
  const records = footer.items(10, 24, sizeAt).sort((a, b) => a - b)
  const read = new Map<number, Message>()
  let end = 0
  for (const at of [...dictionaries, ...records].sort((a, b) => a - b)) {
    if (at < end) throw new RangeError("The blocks overlap.")
    const message = readMessage(bytes, at, footerAt)
    if (message === undefined) throw new RangeError("A block is empty.")
    read.set(at, message)
    end = message.end
  }
  // Dictionaries come in the footer's order, each before the batches that lie behind it.
  const order = [
    ...dictionaries.map((at) => ({ at, before: batchesBefore(records, at) })),
    ...records.map((at, i) => ({ at, before: i + 0.5 })),
  ]
  const messages = order.sort((a, b) => a.before - b.before).map(({ at }) => read.get(at)!)
  return { schema: schemaMessage(footerBytes, footer), messages }
}

/** How many of these sorted places are before one. */
function batchesBefore(records: readonly number[], at: number): number {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (records[middle]! < at) low = middle + 1
    else high = middle
  }
  return low
}

/** A footer's schema as the message that a stream begins with: not every file has it also as such. */
function schemaMessage(footerBytes: Uint8Array, footer: FlatTable): Uint8Array {
  const schema = footer.table(6)
  if (schema === undefined) throw new RangeError("There is no schema.")
  const head = 40
  const size = head - 8 + footerBytes.length
  const message = new Uint8Array(8 + size)
  const view = viewOf(message)
  view.setInt32(0, -1, true)
  view.setInt32(4, size, true)
  // The root's place, then the places of version, kind, header and body in the table that follows them.
  view.setUint32(8, 16, true)
  for (const [i, value] of [12, 12, 8, 10, 4, 0].entries()) view.setUint16(12 + i * 2, value, true)
  view.setInt32(24, 12, true)
  view.setUint32(28, head - 28 + schema.at, true)
  view.setInt16(32, footer.int16(4), true)
  view.setUint8(34, headers.schema)
  message.set(footerBytes, head)
  if (readMessage(message, 0, message.length)?.kind !== headers.schema) throw new RangeError("There is no schema.")
  return message
}

interface Message {
  readonly kind: number
  /** Where the next one begins. */
  readonly end: number
  readonly part?: IPCPart
}

/** One message; undefined for the mark of a stream's end. */
function readMessage(bytes: Uint8Array, start: number, limit: number): Message | undefined {
  const view = viewOf(bytes)
  let at = start
  let size = view.getInt32(at, true)
  at += 4
  // Before Arrow 0.15 there was no mark of continuation.
  if (size === -1) {
    size = view.getInt32(at, true)
    at += 4
  }
  if (size === 0) return undefined
  if (size < 0 || at + size > limit) throw new RangeError("A message is longer than the bytes.")
  const message = FlatTable.root(bytes.subarray(at, at + size))
  const bodySize = message.size(10)
  const end = at + size + bodySize
  if (end > limit) throw new RangeError("A message's body is longer than the bytes.")
  const header = message.table(8)
  const kind = message.int8(6)
  if (header === undefined) throw new RangeError("A message is empty.")
  const body = bytes.subarray(at + size, end)
  const version = message.int16(4)
  switch (kind) {
    case headers.schema:
      checkSchema(header, size)
      return { kind, end }
    case headers.dictionary: {
      const data = header.table(6)
      if (data === undefined) throw new RangeError("A dictionary has no values.")
      const dictionary = { id: header.size(4), isDelta: header.int8(8) !== 0 }
      return { kind, end, part: { start, end, dictionary, ...readPart(data, version, body) } }
    }
    case headers.records:
      return { kind, end, part: { start, end, dictionary: undefined, ...readPart(header, version, body) } }
    default:
      throw new RangeError(`A message is of kind ${kind}.`)
  }
}

function readPart(
  records: FlatTable,
  version: number,
  body: Uint8Array,
): Omit<IPCPart, "start" | "end" | "dictionary"> {
  if (records.table(10) !== undefined) {
    throw new UnreadableError("The table's buffers are compressed.", "Write it without compression.")
  }
  // Before version 4 each buffer has a page of 8 bytes.
  const page = version < 3 ? 8 : 0
  return {
    rows: records.size(4),
    nodes: records.items(6, 16, (view, at) => ({ length: sizeAt(view, at), nullCount: sizeAt(view, at + 8) })),
    buffers: records.items(8, 16 + page, (view, at) => {
      const start = sizeAt(view, at + page)
      const end = start + sizeAt(view, at + page + 8)
      if (end > body.length) throw new RangeError("A buffer is outside of its message.")
      return body.subarray(start, end)
    }),
    viewBuffers: records.items(12, 8, sizeAt),
  }
}

/** @param size the bytes of the metadata: sharing of texts and types inside of it must not multiply them beyond measure. */
function checkSchema(schema: FlatTable, size: number): void {
  if (schema.int16(4) !== 0) {
    const message = "The table was written with the highest byte of its numbers first."
    throw new UnreadableError(message, "Write it in little-endian order, as nearly every machine does.")
  }
  let left = 65_536 + 16 * size
  const spend = (bytes: number) => {
    left -= bytes
    if (left < 0) throw new RangeError("The schema repeats itself beyond measure.")
  }
  const checkMetadata = (holder: FlatTable, slot: number) => {
    for (const entry of holder.tables(slot)) spend(8 + entry.textLength(4) + entry.textLength(6))
  }
  const checkField = (field: FlatTable, depth: number) => {
    if (depth > maxDepth) throw new RangeError("The types are nested too deeply.")
    spend(16 + field.textLength(4))
    checkType(field, spend)
    const dictionary = field.table(12)
    if (dictionary !== undefined) dictionary.table(6)
    checkMetadata(field, 16)
    for (const child of field.tables(14)) checkField(child, depth + 1)
  }
  for (const field of schema.tables(6)) checkField(field, 0)
  checkMetadata(schema, 8)
}

const timestamp = 10
const union = 14

function checkType(field: FlatTable, spend: (bytes: number) => void): void {
  const id = field.int8(8)
  const type = field.table(10)
  if (type === undefined) throw new RangeError("A field has no type.")
  if (id === timestamp) spend(type.textLength(6))
  if (id === union) spend(4 * type.items(6, 4, () => 0).length)
}

function isMagic(bytes: Uint8Array, at: number): boolean {
  return [...magic].every((char, i) => bytes[at + i] === char.charCodeAt(0))
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
