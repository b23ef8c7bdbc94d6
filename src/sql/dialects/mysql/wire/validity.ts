import { ProtocolError } from "../columns/reader.ts"
import { Fields } from "./fields.ts"

/** First bytes of packets that are no row. */
const ok = 0
const file = 0xfb
const eof = 0xfe
const failure = 0xff

/** An EOF is shorter than this; a row that begins like one is longer. */
const longestEof = 9

/** Servers have 4,096 columns at most. */
const mostColumns = 65_535

/** A bit of a status: what has changed in the session stands behind the text. */
const sessionChanged = 0x4000

/** What both sides have agreed on at the login. */
export interface Agreed {
  /** Columns have what MariaDB tells of their types. */
  readonly extended: boolean
  /** The text of an answer without rows has its length, and changes of the session behind it. */
  readonly tracking: boolean
}

/**
 * Checks a packet that `mysql2` will read: it trusts lengths, and reads what lies beyond a packet's end as nothing.
 *
 * @param waiting the name of the method of `mysql2`'s command that takes the packet. Rows are checked where they are read.
 * @throws ProtocolError for one that cannot come here, or whose fields do not end where it does.
 */
export function checkPacket(waiting: string, bytes: Buffer, start: number, end: number, agreed: Agreed): void {
  const fields = new Fields(bytes, start, end)
  if (fields.first === failure) checkFailure(fields)
  else checks[waiting]?.(fields, agreed)
}

const checks: Readonly<Record<string, (fields: Fields, agreed: Agreed) => void>> = {
  resultsetHeader: checkHeader,
  infileOk: checkHeader,
  prepareHeader: checkPrepared,
  // Servers may say that there are more parameters than they describe.
  readParameter: (fields, agreed) => (isEof(fields) ? undefined : checkColumn(fields, agreed)),
  readField: checkColumn,
  parametersEOF: checkEof,
  fieldsEOF: checkEof,
  row: (fields) => (isEof(fields) && fields.left < 5 ? fields.skip(5) : undefined),
  pingResponse: checkOk,
  resetConnectionResponse: checkOk,
}

/** Throws unless it has a number, and a state of five characters where one begins. */
function checkFailure(fields: Fields): void {
  fields.skip(3)
  if (fields.first === 0x23) fields.skip(6)
}

function checkHeader(fields: Fields, agreed: Agreed): void {
  if (fields.first === ok) {
    checkOk(fields, agreed)
    return
  }
  // It was told at the login that there are none.
  if (fields.first === file) throw new ProtocolError("a request for a file of this machine")
  const columns = fields.coded()
  if (columns > mostColumns) throw new ProtocolError(`a result of ${columns} columns`)
  fields.finish()
}

function checkOk(fields: Fields, { tracking }: Agreed): void {
  if (fields.byte() !== ok) throw new ProtocolError("something else than that all is well")
  fields.coded()
  fields.coded()
  const status = fields.int16()
  fields.skip(2)
  if (!tracking || fields.left === 0) return
  fields.skipCoded()
  if ((status & sessionChanged) === 0 || fields.left === 0) return
  if (fields.coded() !== fields.left) throw new ProtocolError("changes of a session that are not as long as they say")
  while (fields.left > 0) checkChange(fields.byte(), fields.part())
}

/** Kinds of changes: settings, as names and values; the database; whether there are any; transactions' numbers. */
const changes = { settings: 0, database: 1, state: 2, numbers: 3 } as const

function checkChange(kind: number, change: Fields): void {
  if (kind === changes.state) {
    // MariaDB leaves the text's length out, so that this is a mark or its length.
    if (change.byte() > 250) throw new ProtocolError("a change that is none")
    return
  }
  if (kind > changes.numbers) return
  do {
    change.skipCoded()
    if (kind !== changes.database) change.skipCoded()
  } while (kind === changes.settings && change.left > 0)
  change.finish()
}

function checkPrepared(fields: Fields): void {
  if (fields.byte() !== ok) throw new ProtocolError("something else than a prepared statement")
  fields.skip(11)
}

function checkColumn(fields: Fields, { extended }: Agreed): void {
  if (isEof(fields)) throw new ProtocolError("fewer columns than it said")
  for (let i = 0; i < 6; i++) fields.skipCoded()
  if (extended) fields.skipCoded()
  if (fields.byte() !== 12) throw new ProtocolError("a column that is no description of one")
  fields.skip(12)
  fields.finish()
}

function checkEof(fields: Fields): void {
  if (!isEof(fields)) throw new ProtocolError("more columns than it said")
}

function isEof(fields: Fields): boolean {
  return fields.first === eof && fields.left < longestEof
}
