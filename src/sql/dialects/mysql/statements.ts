import type { Syntax } from "../../syntax.ts"
import { mysqlSyntax } from "../../syntaxes.ts"
import { quotedEnd, wordEnd } from "../../tokens.ts"
import type { Protocol } from "./exchange.ts"
import { PlainCheck } from "./plain.ts"

/** What the words of a statement tell before the server has seen it. */
export interface StatementFacts {
  /** The first word in lower case; `(` where it begins so, "" where there is none. */
  readonly verb: string
  /** The first word in each way that the server may read the statement. */
  readonly verbs: readonly string[]
  /** The server would write a file for it. */
  readonly writesFile: boolean
  /** The server would read a file of its own for it. */
  readonly readsFile: boolean
  /** By its words it neither leaves anything in its session nor sees what others left: see {@link PlainCheck}. */
  readonly isPlain: boolean
}

/** A longer text is not looked through for what it may leave: it counts as one that leaves something. */
const longText = 20_000

/** Programs run few statements, and these again and again: so many are remembered. */
const mostKnown = 128

const known = new Map<string, StatementFacts>()

/** How a server reads a statement, where its version and its sql_mode make a difference. */
interface Reading {
  /** What stands in a comment after `/*!` is run, not skipped. */
  readonly runsComments: boolean
  readonly syntax: Syntax
}

/**
 * What the words of a statement tell, those of comments that MySQL may run (after `/*!`) too.
 *
 * @param readOnly whether all of it has to be looked at, however long it is.
 * @param backslashEscapes false where the session has `NO_BACKSLASH_ESCAPES`.
 */
export function factsOf(text: string, readOnly: boolean, backslashEscapes: boolean = true): StatementFacts {
  if (text.length > longText) return readFacts(text, readOnly, backslashEscapes)
  const key = backslashEscapes ? text : `\0${text}`
  let facts = known.get(key)
  if (facts !== undefined) return facts
  facts = readFacts(text, readOnly, backslashEscapes)
  if (known.size === mostKnown) known.clear()
  known.set(key, facts)
  return facts
}

const withoutBackslashes: Syntax = { ...mysqlSyntax, backslashEscapes: false }
/** ANSI_QUOTES: what stands in double quotes is a name, in which a backslash is a backslash. */
const ansiQuotes: Syntax = { ...mysqlSyntax, doubleQuotedStrings: false }

/** A statement has to be harmless however the server may read it. */
function readFacts(text: string, readOnly: boolean, backslashEscapes: boolean): StatementFacts {
  const syntaxes = [backslashEscapes ? mysqlSyntax : withoutBackslashes]
  if (backslashEscapes && text.includes('"') && text.includes("\\")) syntaxes.push(ansiQuotes)
  const comments = /\/\*M?!/.test(text) ? [true, false] : [true]
  const [first, ...others] = syntaxes.flatMap((syntax) =>
    comments.map((runsComments) => readAs(text, readOnly, { syntax, runsComments })),
  )
  return others.reduce(
    (facts, other) => ({
      verb: facts.verb,
      verbs: [...facts.verbs, ...other.verbs],
      writesFile: facts.writesFile || other.writesFile,
      readsFile: facts.readsFile || other.readsFile,
      isPlain: facts.isPlain && other.isPlain,
    }),
    first!,
  )
}

function readAs(text: string, readOnly: boolean, reading: Reading): StatementFacts {
  let verb = ""
  let writesFile = false
  let readsFile = false
  let before = ""
  const check = new PlainCheck()
  const isWhole = readOnly || text.length <= longText
  for (const token of tokens(text, reading)) {
    verb ||= token.trim()
    if (!isWhole) break
    check.see(token)
    if (before === "into") writesFile ||= token === "outfile" || token === "dumpfile"
    if (token === "load_file" || token === "`load_file") readsFile = true
    before = token
  }
  return { verb, verbs: [verb], writesFile, readsFile, isPlain: isWhole && check.isPlain }
}

/**
 * Words in lower case and single marks, without comments. A string is a single mark, a quoted name has a backtick before
 * it, `@@` is one token, and a parenthesis with a space before it has one here.
 */
function* tokens(sql: string, { syntax, runsComments }: Reading): Generator<string, void, undefined> {
  let isSpaced = false
  for (let i = 0; i < sql.length; ) {
    const comment = commentEnd(sql, i, runsComments)
    if (comment > i || sql[i]! <= " ") {
      i = Math.max(comment, i + 1)
      isSpaced = true
      continue
    }
    const quoted = quotedEnd(sql, i, syntax)
    const word = wordEnd(sql, i)
    if (quoted > i) {
      yield sql[i] === "`" ? sql.slice(i, quoted - 1).toLowerCase() : "'"
      i = quoted
    } else if (word > i) {
      yield sql.slice(i, word).toLowerCase()
      i = word
    } else if (sql.startsWith("@@", i)) {
      yield "@@"
      i += 2
    } else {
      yield sql[i] === "(" && isSpaced ? " (" : sql[i]!
      i++
    }
    isSpaced = false
  }
}

/** The end of a comment, or of the marks around what MySQL runs in one. */
function commentEnd(sql: string, at: number, runsComments: boolean): number {
  switch (sql[at]) {
    case "/": {
      const run = runsComments ? /^\/\*M?!\d*/.exec(sql.slice(at, at + 12)) : null
      if (run) return at + run[0].length
      return sql[at + 1] === "*" ? end(sql, "*/", at + 2) : at
    }
    case "*":
      return runsComments && sql[at + 1] === "/" ? at + 2 : at
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
