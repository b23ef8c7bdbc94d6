/**
 * FlatBuffers as Arrow's metadata uses them, with every offset and length checked against the bytes. Nothing here trusts
 * the writer: what does not lie inside the bytes is a RangeError.
 *
 * @see https://flatbuffers.dev/internals/
 */
export class FlatTable {
  private readonly view: DataView
  /** Where it is. */
  readonly at: number
  private readonly vtable: number
  private readonly slots: number

  private constructor(view: DataView, reference: number) {
    this.view = view
    this.at = target(view, reference)
    this.vtable = this.at - view.getInt32(this.at, true)
    const size = view.getUint16(this.vtable, true)
    this.slots = size
    const inline = view.getUint16(this.vtable + 2, true)
    if (size < 4 || size % 2 !== 0 || size > 0x7fff || inline > 0x7fff) throw new RangeError("A table is malformed.")
    within(view, this.vtable, size)
    within(view, this.at, inline)
    for (let slot = 4; slot < size; slot += 2) {
      if (view.getUint16(this.vtable + slot, true) >= Math.max(inline, 1)) throw new RangeError("A table is malformed.")
    }
  }

  static root(bytes: Uint8Array, at = 0): FlatTable {
    return new FlatTable(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at)
  }

  int8(slot: number): number {
    const place = this.place(slot)
    return place === undefined ? 0 : this.view.getUint8(place)
  }

  int16(slot: number): number {
    const place = this.place(slot)
    return place === undefined ? 0 : this.view.getInt16(place, true)
  }

  /** A count or an offset: an integer of 64 bits that is neither negative nor beyond 2^53. */
  size(slot: number): number {
    const place = this.place(slot)
    return place === undefined ? 0 : sizeAt(this.view, place)
  }

  table(slot: number): FlatTable | undefined {
    const place = this.place(slot)
    return place === undefined ? undefined : new FlatTable(this.view, place)
  }

  tables(slot: number): FlatTable[] {
    return this.items(slot, 4, (view, place) => new FlatTable(view, place))
  }

  /** The elements of a vector of structs or numbers, each `stride` bytes. */
  items<T>(slot: number, stride: number, read: (view: DataView, place: number) => T): T[] {
    const place = this.place(slot)
    if (place === undefined) return []
    const vector = target(this.view, place)
    const length = this.view.getUint32(vector, true)
    within(this.view, vector + 4, length * stride)
    return Array.from({ length }, (_, i) => read(this.view, vector + 4 + i * stride))
  }

  /** The bytes of a text. */
  textLength(slot: number): number {
    const place = this.place(slot)
    if (place === undefined) return 0
    const text = target(this.view, place)
    const length = this.view.getUint32(text, true)
    within(this.view, text + 4, length)
    return length
  }

  private place(slot: number): number | undefined {
    if (slot >= this.slots) return undefined
    const offset = this.view.getUint16(this.vtable + slot, true)
    return offset === 0 ? undefined : this.at + offset
  }
}

/** @throws RangeError */
export function sizeAt(view: DataView, place: number): number {
  const value = view.getBigInt64(place, true)
  if (value < 0n || value > Number.MAX_SAFE_INTEGER) throw new RangeError(`A size is ${value}.`)
  return Number(value)
}

/** Where a reference points: forward, by four bytes at least, and to four bytes inside. */
function target(view: DataView, reference: number): number {
  const place = reference + view.getUint32(reference, true)
  if (place === reference) throw new RangeError("A reference points at itself.")
  within(view, place, 4)
  return place
}

function within(view: DataView, place: number, length: number): void {
  if (place < 0 || place + length > view.byteLength) throw new RangeError("The metadata points outside of itself.")
}
