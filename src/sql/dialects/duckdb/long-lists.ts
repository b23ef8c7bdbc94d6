import type { Statement } from "../../dialect.ts"
import { duckdbSyntax } from "../../syntaxes.ts"
import { blankEnd, digitsEnd, quotedEnd, wordEnd } from "../../tokens.ts"
import { messageOf } from "./failures.ts"

/** Below so many values, binding each on its own takes no time worth saving. */
const manyValues = 500

/**
 * Runs a statement in the form that DuckDB binds fastest.
 *
 * DuckDB looks for each placeholder among all of them, so that binding takes quadratic time. A long list of integers or of
 * strings is therefore first given as one value: `in (select unnest($1))`. Unlike a placeholder such a list has a type of its
 * own, which not every column compares with: strings with dates, for instance. Then each value has its placeholder.
 */
export async function inShortestForm<T>(statement: Statement, run: (form: Statement) => Promise<T>): Promise<T> {
  const short = statement.values.length < manyValues ? undefined : withListValues(statement)
  if (short === undefined) return run(statement)
  try {
    return await run(short)
  } catch (error) {
    // Nothing has run: statements are bound before that.
    if (messageOf(error).startsWith("Binder Error")) return run(statement)
    throw error
  }
}

interface Place {
  readonly start: number
  readonly end: number
  /** One number for a placeholder; several for a list of nothing else, parentheses included. */
  readonly numbers: readonly number[]
}

function withListValues({ text, values }: Statement): Statement | undefined {
  const shortValues: unknown[] = []
  let shortText = ""
  let done = 0
  for (const { start, end, numbers } of places(text)) {
    const items = numbers.map((number) => values[number - 1])
    const isList = numbers.length > 1
    if (isList && !areComparable(items)) return undefined
    shortValues.push(isList ? items : items[0])
    const placeholder = `$${shortValues.length}`
    shortText += text.slice(done, start) + (isList ? `(select unnest(${placeholder}))` : placeholder)
    done = end
  }
  if (shortValues.length >= manyValues) return undefined
  return { text: shortText + text.slice(done), values: shortValues }
}

/** Values that compare in a list as they do one by one. */
function areComparable(items: readonly unknown[]): boolean {
  const kind = typeof items.find((item) => item !== null)
  if (kind === "string") return items.every((item) => item === null || typeof item === "string")
  return items.every((item) => item === null || typeof item === "bigint" || Number.isSafeInteger(item))
}

function* places(text: string): Generator<Place> {
  let afterIn = false
  for (let i = 0; i < text.length; ) {
    const end = Math.max(blankEnd(text, i, duckdbSyntax), quotedEnd(text, i, duckdbSyntax))
    if (end > i) {
      i = end
      continue
    }
    const list: Place | undefined = afterIn && text[i] === "(" ? placeholderList(text, i) : undefined
    const place: Place | undefined = list ?? placeholder(text, i)
    if (place !== undefined) yield place
    const next: number = place?.end ?? Math.max(i + 1, wordEnd(text, i))
    afterIn = text.slice(i, next).toLowerCase() === "in"
    i = next
  }
}

function placeholder(text: string, at: number): Place | undefined {
  const end = text[at] === "$" ? digitsEnd(text, at + 1) : at
  return end > at + 1 ? { start: at, end, numbers: [Number(text.slice(at + 1, end))] } : undefined
}

function placeholderList(text: string, at: number): Place | undefined {
  const numbers: number[] = []
  for (let i = at + 1; ; i++) {
    const item = placeholder(text, blankEnd(text, i, duckdbSyntax))
    if (item === undefined) return undefined
    numbers.push(item.numbers[0]!)
    i = blankEnd(text, item.end, duckdbSyntax)
    if (text[i] === ")") return numbers.length < 2 ? undefined : { start: at, end: i + 1, numbers }
    if (text[i] !== ",") return undefined
  }
}
