import { MooringError } from "../errors.ts"
import type { Statement } from "./dialect.ts"
import { type BindTarget, bindHoles, bindParams, type Params } from "./params.ts"
import { hole } from "./scan.ts"
import type { Syntax } from "./syntax.ts"

const brand: unique symbol = Symbol.for("mooring.sql-fragment@1") as never

/** SQL of the program's own, in which `hole` marks the values; or a name to quote. */
type Part =
  | { readonly text: string; readonly values: readonly unknown[]; readonly path?: never }
  | { readonly path: readonly string[] }

/**
 * A piece of SQL with its values, made by {@link sql}. Stands wherever a statement's text may, on every dialect.
 *
 * It is immutable, and means the same in another copy of the package.
 */
export interface SqlFragment {
  readonly [brand]: readonly Part[]
}

/** What {@link sql} is: a template tag, with helpers for what is no value. */
export interface Sql {
  (strings: TemplateStringsArray, ...values: readonly unknown[]): SqlFragment
  /**
   * A name, quoted as the database quotes names; several are a path.
   *
   * @example sql`select * from ${sql.id("main", "pets")}` // select * from "main"."pets"
   */
  id(...path: readonly string[]): SqlFragment
  /**
   * A list of values or fragments with a separator between them, by default a comma. An empty list is an error, since
   * no SQL means the same for it everywhere.
   *
   * @example sql`insert into pets (name, age) values (${sql.join([name, age])})`
   * @example sql`where ${sql.join(conditions, sql` and `)}`
   */
  join(items: Iterable<unknown>, separator?: SqlFragment): SqlFragment
}

/**
 * SQL with values in their places: each `${value}` is bound as a parameter, never written into the text; a fragment
 * made by the same tag is taken in. An array directly after `in` becomes a list, as with `params`.
 *
 * @example
 * const young = sql`age < ${limit}`
 * await pets.query(sql`select * from pets where ${young} and kind in ${kinds}`)
 */
export const sql: Sql = Object.assign(template, { id, join })

function template(strings: TemplateStringsArray, ...values: readonly unknown[]): SqlFragment {
  // Called as a function, the text could come from anywhere.
  if (!Array.isArray(strings) || !Array.isArray(strings.raw)) {
    throw new MooringError("BAD_PARAMS", "sql was called as a function.", {
      hint: "Write it before a template, as in sql`select 1`. Text that is made at run time goes to query() with params.",
    })
  }
  const texts = textsOf(strings)
  if (!values.some(isSqlFragment)) return fragment([{ text: texts.joined, values }])
  const parts: Part[] = []
  texts.pieces.forEach((text, i) => {
    parts.push({ text, values: [] })
    if (i < values.length) parts.push(...partsOf(values[i]))
  })
  return fragment(parts)
}

// A template in the program gives the same array each time: its text is put together once.
const known = new WeakMap<TemplateStringsArray, { pieces: readonly string[]; joined: string }>()

function textsOf(strings: TemplateStringsArray): { pieces: readonly string[]; joined: string } {
  let texts = known.get(strings)
  if (texts) return texts
  // JavaScript gives no text where an escape sequence is not its own, as in `\u`; what was written is meant then.
  const pieces = strings.map((text: string | undefined, i) => text ?? strings.raw[i]!)
  if (pieces.some((text) => text.includes(hole))) {
    throw new MooringError("BAD_PARAMS", "The template holds the character U+0000, which no SQL has.", {
      hint: "Take it out, or bind the value that holds it.",
    })
  }
  texts = { pieces, joined: pieces.join(hole) }
  known.set(strings, texts)
  return texts
}

function id(...path: readonly string[]): SqlFragment {
  if (path.length === 0 || path.some((name) => typeof name !== "string" || name === "" || name.includes(hole))) {
    throw new MooringError("BAD_PARAMS", "sql.id() needs names that are texts and not empty.", {
      hint: 'Give the parts of the name one by one: sql.id("schema", "table").',
    })
  }
  return fragment([{ path: [...path] }])
}

const comma = fragment([{ text: ", ", values: [] }])

function join(items: Iterable<unknown>, separator: SqlFragment = comma): SqlFragment {
  if (!isSqlFragment(separator)) {
    throw new MooringError("BAD_PARAMS", "The separator of sql.join() is no fragment.", {
      hint: "Make it with the tag: sql` and `.",
    })
  }
  const parts: Part[] = []
  for (const item of items) {
    if (parts.length > 0) parts.push(...separator[brand])
    parts.push(...partsOf(item))
  }
  if (parts.length > 0) return fragment(parts)
  throw new MooringError("BAD_PARAMS", "sql.join() was given nothing to join.", {
    hint: "Leave the clause out if the list is empty. After `in`, give the array itself: an empty one is handled.",
  })
}

/** True for a fragment, from this or another copy of the package. */
export function isSqlFragment(value: unknown): value is SqlFragment {
  return typeof value === "object" && value !== null && Array.isArray((value as Record<symbol, unknown>)[brand])
}

/**
 * The statement of a text with `params`, or of a fragment.
 *
 * @throws MooringError `BAD_PARAMS`
 */
export function toStatement(text: string | SqlFragment, params: Params | undefined, target: BindTarget): Statement {
  if (typeof text === "string") return bindParams(text, params, target)
  if (!isSqlFragment(text)) {
    throw new MooringError("BAD_PARAMS", "The statement is neither a text nor made by sql`…`.", {
      hint: "Give the SQL as a text, or as a template with the sql tag.",
    })
  }
  if (params !== undefined) {
    throw new MooringError("BAD_PARAMS", "A statement made by sql`…` has its values, and was given params as well.", {
      hint: "Put the values into the template.",
    })
  }
  return bindFragment(text, target)
}

function bindFragment(given: SqlFragment, target: BindTarget): Statement {
  const parts = given[brand]
  const [first] = parts
  if (first && !first.path && parts.length === 1) return bindHoles(first.text, first.values, target)
  const values: unknown[] = []
  let text = ""
  for (const part of parts) {
    if (part.path) text += quotePath(part.path, target.syntax)
    else {
      text += part.text
      values.push(...part.values)
    }
  }
  return bindHoles(text, values, target)
}

function quotePath(path: readonly string[], syntax: Syntax): string {
  return path.map((name) => syntax.quoteIdentifier(name)).join(".")
}

function partsOf(value: unknown): readonly Part[] {
  return isSqlFragment(value) ? value[brand] : [{ text: hole, values: [value] }]
}

function fragment(parts: readonly Part[]): SqlFragment {
  const made = {}
  Object.defineProperty(made, brand, { value: Object.freeze(parts) })
  return Object.freeze(made) as SqlFragment
}
