import { Buffer } from "node:buffer"

/** Codes of the messages that the server sends. */
export const backend = {
  parseComplete: 0x31, // 1
  bindComplete: 0x32, // 2
  closeComplete: 0x33, // 3
  notification: 0x41, // A
  commandComplete: 0x43, // C
  dataRow: 0x44, // D
  error: 0x45, // E
  copyIn: 0x47, // G
  copyOut: 0x48, // H
  emptyQuery: 0x49, // I
  keyData: 0x4b, // K
  notice: 0x4e, // N
  authentication: 0x52, // R
  parameterStatus: 0x53, // S
  rowDescription: 0x54, // T
  copyBoth: 0x57, // W
  readyForQuery: 0x5a, // Z
  copyDone: 0x63, // c
  copyData: 0x64, // d
  noData: 0x6e, // n
  portalSuspended: 0x73, // s
  parameterDescription: 0x74, // t
} as const

/** One parameter: a text, bytes in the type's binary format, or NULL. */
export type WireValue = string | Uint8Array | null

/** How a value travels. */
export type Format = 0 | 1

/**
 * Messages of the extended query protocol, put together for one write.
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export class MessageWriter {
  private bytes = Buffer.allocUnsafe(256)
  private end = 0

  /**
   * Makes a statement out of SQL; the name "" is overwritten by the next.
   *
   * @param types of its parameters, 0 where the server infers it.
   */
  parse(name: string, text: string, types: readonly number[] = []): this {
    const start = this.begin(0x50)
    this.string(name)
    this.string(text)
    this.int16(types.length)
    for (const type of types) this.int32(type)
    return this.finish(start)
  }

  /** Gives a statement its values, as the portal "". */
  bind(name: string, values: readonly WireValue[], formats: readonly Format[]): this {
    const start = this.begin(0x42)
    this.string("")
    this.string(name)
    this.int16(values.length)
    for (const value of values) this.int16(value instanceof Uint8Array ? 1 : 0)
    this.int16(values.length)
    for (const value of values) this.value(value)
    this.int16(formats.length)
    for (const format of formats) this.int16(format)
    return this.finish(start)
  }

  describeStatement(name: string): this {
    const start = this.begin(0x44)
    this.byte(0x53)
    this.string(name)
    return this.finish(start)
  }

  /** @param rows after how many the portal is suspended; 0: never. */
  execute(rows = 0): this {
    const start = this.begin(0x45)
    this.string("")
    this.int32(rows)
    return this.finish(start)
  }

  closeStatement(name: string): this {
    const start = this.begin(0x43)
    this.byte(0x53)
    this.string(name)
    return this.finish(start)
  }

  closePortal(): this {
    const start = this.begin(0x43)
    this.byte(0x50)
    this.string("")
    return this.finish(start)
  }

  copyFail(reason: string): this {
    const start = this.begin(0x66)
    this.string(reason)
    return this.finish(start)
  }

  /** Asks for answers now, without ending the implicit transaction. */
  flush(): this {
    return this.finish(this.begin(0x48))
  }

  /** Ends the conversation: the server answers ReadyForQuery. */
  sync(): this {
    return this.finish(this.begin(0x53))
  }

  /** All that was written, to be sent: the last thing that is asked of a writer. */
  take(): Buffer {
    return this.bytes.subarray(0, this.end)
  }

  private begin(code: number): number {
    this.byte(code)
    this.reserve(4)
    const start = this.end
    this.end += 4
    return start
  }

  private finish(start: number): this {
    this.bytes.writeInt32BE(this.end - start, start)
    return this
  }

  private byte(value: number): void {
    this.reserve(1)
    this.bytes[this.end++] = value
  }

  private int16(value: number): void {
    this.reserve(2)
    this.end = this.bytes.writeUInt16BE(value, this.end)
  }

  private int32(value: number): void {
    this.reserve(4)
    this.end = this.bytes.writeInt32BE(value, this.end)
  }

  private string(text: string): void {
    if (text !== "") this.utf8(text)
    this.byte(0)
  }

  private value(value: WireValue): void {
    if (value === null) this.int32(-1)
    else if (typeof value === "string") {
      this.reserve(4)
      const start = this.end
      this.end += 4
      this.utf8(value)
      this.bytes.writeInt32BE(this.end - start - 4, start)
    } else {
      this.int32(value.length)
      this.reserve(value.length)
      this.bytes.set(value, this.end)
      this.end += value.length
    }
  }

  private utf8(text: string): void {
    this.reserve(text.length > 1024 ? Buffer.byteLength(text) : text.length * 3)
    this.end += this.bytes.write(text, this.end)
  }

  private reserve(size: number): void {
    if (this.end + size <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.end + size, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.end)
    this.bytes = larger
  }
}
