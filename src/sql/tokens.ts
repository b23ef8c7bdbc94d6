import type { Syntax } from "./syntax.ts"

/**
 * The ends of SQL's tokens, as far as finding placeholders needs them. Each function gives the offset after the token
 * that begins at `at`, or `at` itself where there is none. An unterminated token reaches to the end of the text.
 */

/** White space and comments. */
export function blankEnd(sql: string, at: number, syntax: Syntax): number {
  let i = at
  while (i < sql.length) {
    const end = isSpace(sql, i) ? i + 1 : commentEnd(sql, i, syntax)
    if (end === i) break
    i = end
  }
  return i
}

/** Whether a text has no statement: only white space, comments and semicolons. */
export function isEmpty(sql: string, syntax: Syntax): boolean {
  // What begins with a letter is none, and that is nearly all. MySQL runs what is in its special comments.
  if (/^\s*[\w("[{$@]/.test(sql) || /\/\*M?!/.test(sql)) return false
  let i = blankEnd(sql, 0, syntax)
  while (sql[i] === ";") i = blankEnd(sql, i + 1, syntax)
  return i === sql.length
}

function commentEnd(sql: string, at: number, syntax: Syntax): number {
  switch (sql[at]) {
    case "-":
      return sql[at + 1] === "-" && (!syntax.spacedDashComments || at + 2 >= sql.length || sql[at + 2]! <= " ")
        ? lineEnd(sql, at + 2, syntax)
        : at
    case "#":
      return syntax.hashComments ? lineEnd(sql, at + 1, syntax) : at
    case "/":
      return sql[at + 1] === "*" ? blockEnd(sql, at + 2, syntax) : at
    default:
      return at
  }
}

function lineEnd(sql: string, at: number, syntax: Syntax): number {
  for (let i = at; i < sql.length; i++) {
    if (sql[i] === "\n" || (sql[i] === "\r" && syntax.returnEndsComment)) return i
  }
  return sql.length
}

function blockEnd(sql: string, at: number, syntax: Syntax): number {
  let depth = 1
  for (let i = at; i < sql.length; i++) {
    if (sql[i] === "*" && sql[i + 1] === "/") {
      i++
      if (--depth === 0) return i + 1
    } else if (syntax.nestedComments && sql[i] === "/" && sql[i + 1] === "*") {
      i++
      depth++
    }
  }
  return sql.length
}

/** A string, a quoted name or a dollar quote. */
export function quotedEnd(sql: string, at: number, syntax: Syntax): number {
  switch (sql[at]) {
    case "'":
      return closingEnd(sql, at, "'", syntax.backslashEscapes)
    case '"':
      return closingEnd(sql, at, '"', syntax.doubleQuotedStrings && syntax.backslashEscapes)
    case "`":
      return syntax.backticks ? closingEnd(sql, at, "`", false) : at
    case "[":
      return syntax.bracketNames ? closingEnd(sql, at, "]", false) : at
    case "$":
      return syntax.dollarQuotes ? dollarEnd(sql, at) : at
    case "e":
    case "E":
      return syntax.escapeStrings && sql[at + 1] === "'" ? escapeStringEnd(sql, at + 1, syntax) : at
    default:
      return at
  }
}

/** The end of a token closed by `quote`, which stands for itself where it is doubled. */
function closingEnd(sql: string, at: number, quote: string, backslashes: boolean): number {
  for (let i = at + 1; i < sql.length; i++) {
    if (sql[i] === "\\" && backslashes) i++
    else if (sql[i] === quote) {
      if (sql[i + 1] !== quote) return i + 1
      i++
    }
  }
  return sql.length
}

/** `E'a'`, and its continuations: a string after a line break goes on with the escapes of the first. */
function escapeStringEnd(sql: string, at: number, syntax: Syntax): number {
  let end = closingEnd(sql, at, "'", true)
  for (;;) {
    const next = continuation(sql, end, syntax)
    if (next === end) return end
    end = closingEnd(sql, next, "'", true)
  }
}

/** Where the next part of a string begins: after white space and line comments with a line break in them. */
function continuation(sql: string, at: number, syntax: Syntax): number {
  let i = at
  let broken = false
  while (i < sql.length) {
    if (sql[i] === "\n" || sql[i] === "\r") broken = true
    if (isSpace(sql, i)) i++
    else if (sql[i] === "-" && sql[i + 1] === "-") i = lineEnd(sql, i, syntax)
    else break
  }
  return broken && sql[i] === "'" ? i : at
}

function dollarEnd(sql: string, at: number): number {
  let i = at + 1
  if (sql[i] !== "$") {
    i = nameEnd(sql, i)
    if (i === at + 1 || sql[i] !== "$") return at
  }
  const tag = sql.slice(at, i + 1)
  const close = sql.indexOf(tag, i + 1)
  return close === -1 ? sql.length : close + tag.length
}

/** A word or a number. */
export function wordEnd(sql: string, at: number): number {
  if (!isWord(sql, at)) return at
  // A dollar belongs to a name but not to a number.
  const name = !isDigit(sql, at)
  let i = at + 1
  while (i < sql.length && (isWord(sql, i) || (name && sql[i] === "$"))) i++
  return i
}

/** What may follow the colon of a placeholder: letters, digits and `_`, no digit first. */
export function nameEnd(sql: string, at: number): number {
  if (!isWord(sql, at) || isDigit(sql, at)) return at
  let i = at + 1
  while (isWord(sql, i)) i++
  return i
}

/** Digits. */
export function digitsEnd(sql: string, at: number): number {
  let i = at
  while (isDigit(sql, i)) i++
  return i
}

function isDigit(sql: string, at: number): boolean {
  const code = sql.charCodeAt(at)
  return code >= 48 && code <= 57
}

/** Databases take every character beyond ASCII for a letter; only spaces are none. */
function isWord(sql: string, at: number): boolean {
  const code = sql.charCodeAt(at)
  if (code < 128) return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || isLower(code)
  return code >= 128 && !isSpace(sql, at)
}

function isLower(code: number): boolean {
  return code >= 97 && code <= 122
}

function isSpace(sql: string, at: number): boolean {
  const code = sql.charCodeAt(at)
  if (code < 128) return code === 32 || (code >= 9 && code <= 13)
  return /\s/.test(sql[at] ?? "")
}
