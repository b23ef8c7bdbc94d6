import { mysqlSyntax } from "../../syntaxes.ts"
import { quotedEnd, wordEnd } from "../../tokens.ts"
import type { Protocol } from "./exchange.ts"

/** What the words of a statement tell before the server has seen it. */
export interface StatementFacts {
  /** The first word in lower case; `(` where it begins so, "" where there is none. */
  readonly verb: string
  /** The server would write a file for it. */
  readonly writesFile: boolean
  /** The server would read a file of its own for it. */
  readonly readsFile: boolean
  /** It may leave something in its session: a lock, a variable, a transaction, whatever a procedure does. */
  readonly leavesState: boolean
}

/** Statements that leave nothing in their session, unless they call a function that does. */
const clean: readonly string[] = ["(", "delete", "insert", "replace", "select", "update", "values", "with"]

/** Words of reading statements that leave nothing either. */
const reading: readonly string[] = [
  "analyze",
  "check",
  "checksum",
  "desc",
  "describe",
  "explain",
  "help",
  "show",
  "table",
]

/** A longer text is not looked through for what it may leave: it is taken for one that leaves something. */
const longText = 20_000

/** Functions that leave something in the session. */
const leaving: readonly string[] = ["get_lock", "release_lock", "release_all_locks", "last_insert_id", "setval"]

/** Programs run few statements, and these again and again: so many are remembered. */
const mostKnown = 128

const known = new Map<string, StatementFacts>()

/**
 * What the words of a statement tell, those of comments that MySQL runs (after `/*!`) too.
 *
 * @param readOnly whether all of it has to be looked at, however long it is.
 */
export function factsOf(text: string, readOnly: boolean): StatementFacts {
  if (text.length > longText) return readFacts(text, readOnly)
  let facts = known.get(text)
  if (facts !== undefined) return facts
  facts = readFacts(text, readOnly)
  if (known.size === mostKnown) known.clear()
  known.set(text, facts)
  return facts
}

function readFacts(text: string, readOnly: boolean): StatementFacts {
  let verb = ""
  let writesFile = false
  let readsFile = false
  let leavesState = false
  let before = ""
  const isWhole = readOnly || text.length <= longText
  for (const token of tokens(text)) {
    verb ||= token
    if (!isWhole) break
    if (before === "into") {
      writesFile ||= token === "outfile" || token === "dumpfile"
      leavesState ||= token === "@"
    }
    if (token === "load_file") readsFile = true
    if ((before === ":" && token === "=") || leaving.includes(token)) leavesState = true
    before = token
  }
  leavesState ||= !isWhole || !(clean.includes(verb) || reading.includes(verb))
  return { verb, writesFile, readsFile, leavesState }
}

/** Words in lower case and single marks; strings are a single mark, and comments are left out. */
function* tokens(sql: string): Generator<string, void, undefined> {
  for (let i = 0; i < sql.length; ) {
    const comment = commentEnd(sql, i)
    if (comment > i || sql[i]! <= " ") {
      i = Math.max(comment, i + 1)
      continue
    }
    const quoted = quotedEnd(sql, i, mysqlSyntax)
    const word = wordEnd(sql, i)
    if (quoted > i) {
      // A quoted name may be that of a function, too.
      yield sql[i] === "`" ? sql.slice(i + 1, quoted - 1).toLowerCase() : "'"
      i = quoted
    } else if (word > i) {
      yield sql.slice(i, word).toLowerCase()
      i = word
    } else yield sql[i++]!
  }
}

/** The end of a comment, or of the marks around what MySQL runs in one. */
function commentEnd(sql: string, at: number): number {
  switch (sql[at]) {
    case "/": {
      const run = /^\/\*M?!\d*/.exec(sql.slice(at, at + 12))
      if (run) return at + run[0].length
      return sql[at + 1] === "*" ? end(sql, "*/", at + 2) : at
    }
    case "*":
      return sql[at + 1] === "/" ? at + 2 : at
    case "-":
      return sql[at + 1] === "-" && (at + 2 >= sql.length || sql[at + 2]! <= " ") ? end(sql, "\n", at + 1) : at
    case "#":
      return end(sql, "\n", at + 1)
    default:
      return at
  }
}

function end(sql: string, mark: string, from: number): number {
  const found = sql.indexOf(mark, from)
  return found === -1 ? sql.length : found + mark.length
}

/** Statements that some servers cannot prepare, and that none gains from: they come once, and have no values. */
const unprepared: readonly string[] = [
  "begin",
  "commit",
  "lock",
  "release",
  "rollback",
  "savepoint",
  "set",
  "start",
  "unlock",
  "use",
  "xa",
]

/** The protocol that a statement is first run by. */
export function protocolFor({ verb }: StatementFacts, values: number): Protocol {
  return values === 0 && unprepared.includes(verb) ? "text" : "binary"
}

/** Whether this is the server's number for a statement that only the text protocol can run. */
export function cannotBePrepared(errno: number): boolean {
  return errno === 1295
}

/** Whether the server has lost a statement that it had prepared: then nothing was run. */
export function isForgotten(errno: number): boolean {
  return errno === 1243 || errno === 1615
}
