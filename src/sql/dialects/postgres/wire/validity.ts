import { headerBytes, ProtocolError, type Source } from "./framer.ts"
import { backend } from "./messages.ts"

/** Messages without a body. */
const empty = new Set<number>([
  backend.parseComplete,
  backend.bindComplete,
  backend.closeComplete,
  backend.emptyQuery,
  backend.copyDone,
  backend.noData,
  backend.portalSuspended,
])

/** A text in one of the messages about the connection is shorter; a string of half a gigabyte cannot even be made. */
const longestNotice = 0x100_0000

/**
 * Checks a message that `pg` will read: its parser trusts lengths and terminators, and one that is missing keeps it busy for
 * as long as the process lives.
 *
 * @throws ProtocolError for one whose fields do not end where it does.
 */
export function checkMessage(code: number, source: Source, start: number, end: number): void {
  const fields = new Fields(source, start + headerBytes, end)
  switch (code) {
    case backend.error:
    case backend.notice:
      readNotice(fields)
      break
    case backend.parameterStatus:
      fields.text()
      fields.text()
      break
    case backend.notification:
      fields.skip(4)
      fields.text()
      fields.text()
      break
    case backend.readyForQuery:
      if (!"ITE".includes(String.fromCharCode(fields.byte())))
        throw new ProtocolError("an unknown state of a transaction")
      break
    case backend.commandComplete:
      fields.text()
      break
    case backend.rowDescription:
      for (let count = fields.int16(); count > 0; count--) {
        fields.text()
        fields.skip(18)
      }
      break
    case backend.parameterDescription:
      fields.skip(fields.int16() * 4)
      break
    case backend.dataRow:
      for (let count = fields.int16(); count > 0; count--) fields.skip(Math.max(0, fields.int32()))
      break
    case backend.copyIn:
    case backend.copyOut:
    case backend.copyBoth:
      fields.skip(1)
      fields.skip(fields.int16() * 2)
      break
    case backend.keyData:
      fields.skip(8)
      break
    case backend.authentication:
      fields.skip(fields.left)
      break
    case backend.copyData:
      return
    default:
      if (!empty.has(code)) throw new ProtocolError(`a message of the unknown kind ${code}`)
  }
  fields.finish()
}

/** Fields of a letter and a text, and a zero behind the last. */
function readNotice(fields: Fields): void {
  if (fields.left > longestNotice) throw new ProtocolError(`a message about an error of ${fields.left} bytes`)
  let said = ""
  while (fields.left > 0) {
    const letter = fields.byte()
    if (letter === 0) return
    const text = fields.text()
    if (letter === 0x4d) said = text
  }
  // Some engines leave the zero out: what they have to say is worth more than the protocol.
  throw new ProtocolError(`an error without its end${said && ` ("${said}")`}`)
}

/** The fields of one message, one after the other. */
class Fields {
  private readonly source: Source
  private readonly end: number
  private place: number

  constructor(source: Source, place: number, end: number) {
    this.source = source
    this.place = place
    this.end = end
  }

  get left(): number {
    return this.end - this.place
  }

  byte(): number {
    this.skip(1)
    return this.source.bytes[this.place - 1]!
  }

  int16(): number {
    this.skip(2)
    return this.source.view.getUint16(this.place - 2)
  }

  int32(): number {
    this.skip(4)
    return this.source.view.getInt32(this.place - 4)
  }

  text(): string {
    const { bytes } = this.source
    const zero = bytes.indexOf(0, this.place)
    if (zero < 0 || zero >= this.end) throw new ProtocolError("a text without its end")
    const text = bytes.toString("utf8", this.place, zero)
    this.place = zero + 1
    return text
  }

  skip(size: number): void {
    if (size > this.left) throw new ProtocolError("a message that ends early")
    this.place += size
  }

  finish(): void {
    if (this.left > 0) throw new ProtocolError("a message with more than its fields")
  }
}
