import type { Syntax } from "./syntax.ts"
import { blankEnd, digitsEnd, nameEnd, quotedEnd, wordEnd } from "./tokens.ts"

/** What counts as a placeholder: `:name`, `?`, or the places that a template marks with {@link hole}. */
export type ScanMode = "named" | "positional" | "holes"

/** Marks a value's place in the text of a template. No SQL has it. */
export const hole = "\0"

/** One place in a statement where a value belongs. */
export interface Slot {
  /** Into {@link Scanned.names}; where values have no names, the slot's own position. */
  readonly index: number
  /** Directly after `in`, where an array expands: `in :ids` is bare, `in (:ids)` wrapped (its parentheses included). */
  readonly list: "none" | "bare" | "wrapped"
  /** After `not in`. */
  readonly negated: boolean
}

/** A statement cut at its placeholders, with `\:` and `??` resolved. */
export interface Scanned {
  /** The text around the slots: one more than there are slots. */
  readonly pieces: readonly string[]
  readonly slots: readonly Slot[]
  /** The names in the order of their first use; only in mode `named`. */
  readonly names: readonly string[]
  /** The first of the database's own numbered placeholders (`$1`, `?1`), or a `?` that is not ours to bind. */
  readonly native: string | undefined
}

interface Edit {
  start: number
  end: number
  slot: { index: number; list: Slot["list"]; negated: boolean } | undefined
}

/**
 * Finds the placeholders of a statement, in one pass.
 *
 * Strings, quoted names, comments, dollar quotes, casts and slices are left alone; a colon right after a word, a quote
 * or a closing bracket starts no name.
 */
export function scan(sql: string, syntax: Syntax, mode: ScanMode): Scanned {
  const edits: Edit[] = []
  const indexes = new Map<string, number>()
  const lists = listTracker()
  let native: string | undefined
  let slots = 0
  /** The end of the last token that a colon must not touch. */
  let tight = -1

  const addSlot = (start: number, end: number, index: number): void => {
    const slot: Edit["slot"] = { index, list: "none", negated: false }
    const edit = { start, end, slot }
    edits.push(edit)
    slots++
    lists.slot(edit)
  }

  for (let i = 0; i < sql.length; ) {
    const start = i
    i = blankEnd(sql, start, syntax)
    if (i > start) continue
    i = quotedEnd(sql, start, syntax)
    if (i > start) {
      lists.other()
      tight = i
      continue
    }
    i = wordEnd(sql, start)
    if (i > start) {
      lists.word(sql.slice(start, i))
      tight = i
      continue
    }
    i = start + 1
    const char = sql[start]!
    const next = sql[i]
    if (char === ":" && mode === "named") {
      const end = nameEnd(sql, i)
      if (next === ":") {
        while (sql[i] === ":") i++
        lists.other()
      } else if (end > i && tight !== start) {
        const name = sql.slice(i, end)
        const index = indexes.get(name) ?? indexes.size
        indexes.set(name, index)
        addSlot(start, end, index)
        tight = i = end
      } else lists.other()
    } else if (char === "\\" && next === ":" && mode !== "holes") {
      edits.push({ start, end: i, slot: undefined })
      tight = ++i
      lists.other()
    } else if (char === "?" && next === "?" && mode !== "holes") {
      edits.push({ start, end: i, slot: undefined })
      i++
      lists.other()
    } else if (char === "?") {
      i = digitsEnd(sql, i)
      if (i === start + 1 && mode === "positional") addSlot(start, i, slots)
      else {
        // Where the database's own placeholders are no question marks, a lone `?` is an operator of its own.
        if (i > start + 1 || syntax.placeholder(1) === "?") native ??= sql.slice(start, i)
        lists.other()
      }
    } else if (char === "$") {
      const end = digitsEnd(sql, i)
      if (end > i) native ??= sql.slice(start, end)
      tight = i = Math.max(end, nameEnd(sql, i))
      lists.other()
    } else if (char === hole && mode === "holes") addSlot(start, i, slots)
    else {
      if (char === ")" || char === "]" || char === "}") tight = i
      lists.punctuation(char, start)
    }
  }
  return { ...cut(sql, edits), names: [...indexes.keys()], native }
}

function cut(sql: string, edits: readonly Edit[]): Pick<Scanned, "pieces" | "slots"> {
  const pieces: string[] = []
  const slots: Slot[] = []
  let piece = ""
  let at = 0
  for (const { start, end, slot } of edits) {
    piece += sql.slice(at, start)
    at = end
    if (!slot) continue
    pieces.push(piece)
    slots.push(slot)
    piece = ""
  }
  pieces.push(piece + sql.slice(at))
  return { pieces, slots }
}

/** Follows the tokens to know which slots stand directly after `in`, alone in their parentheses if there are any. */
function listTracker() {
  let before: "" | "not" | "in" | "in (" = ""
  let negated = false
  let paren = 0
  /** A slot that is a list if the next token closes its parenthesis. */
  let pending: Edit | undefined
  /** Between `for` and `in` of DuckDB's `[x for x in …]`, whose list is a value. */
  let comprehension = false

  const other = (): void => {
    before = ""
    pending = undefined
    comprehension = false
  }
  return {
    other,
    word(text: string): void {
      const word = text.length <= 3 ? text.toLowerCase() : ""
      const inFor = comprehension
      const afterNot = before === "not"
      other()
      if (word === "in") {
        if (!inFor) before = "in"
        negated = afterNot
      } else {
        if (word === "not") before = "not"
        comprehension = inFor || word === "for"
      }
    },
    punctuation(char: string, at: number): void {
      const wasIn = before === "in"
      const list = pending
      const inFor = comprehension
      other()
      if (char === "(" && wasIn) {
        before = "in ("
        paren = at
      } else if (char === ")" && list?.slot) {
        list.start = paren
        list.end = at + 1
        list.slot.list = "wrapped"
        list.slot.negated = negated
      } else comprehension = inFor && char === ","
    },
    slot(edit: Edit): void {
      const where = before
      other()
      if (where === "in" && edit.slot) {
        edit.slot.list = "bare"
        edit.slot.negated = negated
      } else if (where === "in (") pending = edit
    },
  }
}
