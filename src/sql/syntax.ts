/**
 * What the scanner of statements must know about one database's SQL to leave strings, names and comments alone.
 *
 * A dialect's syntax is `{ ...ansiSyntax, … }` with what differs, so that a flag added later breaks no dialect from
 * outside. Every flag says "this database reads … as one token".
 */
export interface Syntax {
  /** A native placeholder: `index` counts from 1. */
  placeholder(index: number): string
  /** Quotes one name: `"a""b"`. */
  quoteIdentifier(name: string): string
  /**
   * What stands after `in` (after `not in` if `negated`) for a list without elements, so that nothing is in it and
   * everything, NULL too, is not in it.
   */
  emptyList(negated: boolean): string
  /** `$tag$ … $tag$` is a string. */
  readonly dollarQuotes: boolean
  /** `E'…'` is a string with backslash escapes. */
  readonly escapeStrings: boolean
  /** A backslash escapes inside every `'…'`. */
  readonly backslashEscapes: boolean
  /** `` `name` `` is a quoted name. */
  readonly backticks: boolean
  /** `[name]` is a quoted name. Where false, brackets are lists, subscripts and slices. */
  readonly bracketNames: boolean
  /** Block comments nest. */
  readonly nestedComments: boolean
  /** `#` begins a comment to the end of the line. */
  readonly hashComments: boolean
  /** `--` begins a comment only before white space: `5--1` is a subtraction. */
  readonly spacedDashComments: boolean
  /** A carriage return without a line feed ends a line comment. */
  readonly returnEndsComment: boolean
  /** `"…"` is a string, not a name. Both are skipped alike; this one may have backslash escapes. */
  readonly doubleQuotedStrings: boolean
  /** A setting of the session decides {@link Syntax.backslashEscapes}: the connection knows it. */
  readonly escapesVary: boolean
  /**
   * The place of a placeholder decides its type, so that a value in several places needs a placeholder for each. Where
   * false, numbered placeholders stand for their value wherever they are.
   */
  readonly typedByPlace: boolean
}

/** SQL as the standard has it, with `?` for placeholders: what a dialect starts from. */
export const ansiSyntax: Syntax = {
  placeholder: () => "?",
  quoteIdentifier: (name) => `"${name.replaceAll('"', '""')}"`,
  // A query, because `(null)` would make every `not in` NULL, and from something, because MySQL wants a FROM.
  emptyList: () => "(select null from (select 1) as empty_list where 1 = 0)",
  dollarQuotes: false,
  escapeStrings: false,
  backslashEscapes: false,
  backticks: false,
  bracketNames: false,
  nestedComments: false,
  hashComments: false,
  spacedDashComments: false,
  returnEndsComment: false,
  doubleQuotedStrings: false,
  escapesVary: false,
  typedByPlace: false,
}
