/**
 * What the scanner of statements must know about one database's SQL to leave strings, names and comments alone.
 *
 * Every flag says "this database reads … as one token".
 */
export interface Syntax {
  /** A native placeholder: `index` counts from 1. */
  placeholder(index: number): string
  /** Quotes one name: `"a""b"`. */
  quoteIdentifier(name: string): string
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
  /** `"…"` is a string, not a name. Both are skipped alike; this one may have backslash escapes. */
  readonly doubleQuotedStrings: boolean
}
