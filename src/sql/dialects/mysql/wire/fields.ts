import { ProtocolError } from "../columns/reader.ts"

/** The fields of one packet, one after the other. Whatever lies beyond its end is an error. */
export class Fields {
  private readonly bytes: Buffer
  private readonly end: number
  private place: number

  constructor(bytes: Buffer, place: number, end: number) {
    this.bytes = bytes
    this.place = place
    this.end = end
  }

  get left(): number {
    return this.end - this.place
  }

  /** The next byte, which is not taken; -1 where there is none. */
  get first(): number {
    return this.left > 0 ? this.bytes[this.place]! : -1
  }

  skip(size: number): void {
    if (size > this.left) throw new ProtocolError("a packet that ends early")
    this.place += size
  }

  byte(): number {
    this.skip(1)
    return this.bytes[this.place - 1]!
  }

  int16(): number {
    this.skip(2)
    return this.bytes.readUInt16LE(this.place - 2)
  }

  int32(): number {
    this.skip(4)
    return this.bytes.readUInt32LE(this.place - 4)
  }

  /** A number behind a byte that tells how long it is. */
  coded(): number {
    const first = this.byte()
    if (first < 251) return first
    if (first === 252) return this.int16()
    if (first === 253) return this.int16() + this.byte() * 65_536
    if (first === 254) return this.int32() + this.int32() * 4_294_967_296
    throw new ProtocolError("a length that is none")
  }

  /** Bytes behind their number. */
  skipCoded(): void {
    this.skip(this.coded())
  }

  /** The fields within bytes that stand behind their number. */
  part(): Fields {
    const size = this.coded()
    this.skip(size)
    return new Fields(this.bytes, this.place - size, this.place)
  }

  /** A text up to its zero. */
  text(): string {
    const zero = this.bytes.indexOf(0, this.place)
    if (zero < 0 || zero >= this.end) throw new ProtocolError("a text without its end")
    const text = this.bytes.toString("utf8", this.place, zero)
    this.place = zero + 1
    return text
  }

  finish(): void {
    if (this.left > 0) throw new ProtocolError("a packet with more than its fields")
  }
}
