import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite"
import { QueryError } from "../../../errors.ts"
import { sqliteSyntax } from "../../syntaxes.ts"
import { blankEnd, quotedEnd, wordEnd } from "../../tokens.ts"
import { bindingsFor, placeholdersOf } from "./placeholders.ts"
import type { SqliteValue } from "./protocol.ts"

/** Statements that are kept prepared, on each handle. */
const kept = 100

/** A prepared statement that gives arrays and bigints. */
export class Prepared {
  readonly statement: StatementSync
  readonly returnsRows: boolean
  readonly inserts: boolean
  readonly changesRows: boolean
  private readonly placeholders: readonly string[]

  /** @throws QueryError for a text of several statements: SQLite would run the first and drop the others. */
  constructor(database: DatabaseSync, text: string) {
    this.statement = prepareOne(database, text)
    this.statement.setReturnArrays(true)
    // Exact beyond 2^53, and tells INTEGER from REAL; a read of a million rows takes 7 % longer.
    this.statement.setReadBigInts(true)
    this.returnsRows = this.statement.columns().length > 0
    this.placeholders = placeholdersOf(text)
    const verb = verbOf(text)
    this.inserts = verb === "insert" || verb === "replace"
    this.changesRows = this.inserts || verb === "update" || verb === "delete"
  }

  /** @throws MooringError `BAD_PARAMS` unless each placeholder has a value and each value a placeholder. */
  bind(values: readonly SqliteValue[]): SQLInputValue[] {
    return bindingsFor(this.placeholders, values) as SQLInputValue[]
  }
}

/** The statements of one handle that were prepared last. */
export class PreparedStatements {
  private readonly database: DatabaseSync
  private readonly known = new Map<string, Prepared>()

  constructor(database: DatabaseSync) {
    this.database = database
  }

  get(text: string): Prepared {
    let prepared = this.known.get(text)
    if (prepared) this.known.delete(text)
    else prepared = new Prepared(this.database, text)
    this.known.set(text, prepared)
    if (this.known.size > kept) this.known.delete(this.known.keys().next().value!)
    return prepared
  }

  has(text: string): boolean {
    return this.known.has(text)
  }
}

function prepareOne(database: DatabaseSync, text: string): StatementSync {
  let statement: StatementSync
  let own: string
  try {
    statement = database.prepare(text)
    // Of a text without a statement, Node 22 gives one that was finalized.
    own = statement.sourceSQL
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_SQLITE_ERROR") throw error
    throw new QueryError("The text has no statement.", { kind: "syntax" })
  }
  if (isEmpty(text.slice(own.length))) return statement
  throw new QueryError("The text has several statements, and each call runs one.", {
    kind: "syntax",
    hint: "Give them one by one; inside transaction() they succeed or fail together.",
  })
}

function isEmpty(text: string): boolean {
  let at = blankEnd(text, 0, sqliteSyntax)
  while (text[at] === ";") at = blankEnd(text, at + 1, sqliteSyntax)
  return at === text.length
}

/** The first word of a statement; of one that begins with `with`, the word that says what it does. */
function verbOf(text: string): string {
  const first = blankEnd(text, 0, sqliteSyntax)
  const verb = text.slice(first, wordEnd(text, first)).toLowerCase()
  if (verb !== "with") return verb
  let depth = 0
  for (let at = first; at < text.length; ) {
    at = blankEnd(text, at, sqliteSyntax)
    const quoted = quotedEnd(text, at, sqliteSyntax)
    const end = quoted === at ? wordEnd(text, at) : quoted
    const word = quoted === at ? text.slice(at, end).toLowerCase() : ""
    if (depth === 0 && verbs.has(word)) return word
    if (text[at] === "(") depth++
    if (text[at] === ")") depth--
    at = Math.max(end, at + 1)
  }
  return verb
}

const verbs: ReadonlySet<string> = new Set(["select", "insert", "replace", "update", "delete", "values"])
