import { MooringError } from "../../../errors.ts"
import { sqliteSyntax } from "../../syntaxes.ts"
import { blankEnd, digitsEnd, nameEnd, quotedEnd, wordEnd } from "../../tokens.ts"
import type { SqliteValue } from "./protocol.ts"

/** What `node:sqlite` binds: values in order, or one object for numbered placeholders. */
export type Bindings = readonly SqliteValue[] | readonly [Record<string, SqliteValue>]

/**
 * A statement's placeholders as written: `?`, `?1`, `$1`, `:name`. SQLite has no list of them to ask for, takes every one
 * without a value for NULL, and `node:sqlite` binds values in order to `?` alone.
 */
export function placeholdersOf(text: string): string[] {
  const found: string[] = []
  for (let at = 0; at < text.length; ) {
    const start = at
    at = blankEnd(text, at, sqliteSyntax)
    if (at === start) at = quotedEnd(text, at, sqliteSyntax)
    if (at === start) at = wordEnd(text, at)
    if (at > start) continue
    at++
    const char = text[start]!
    if (char === "?") at = digitsEnd(text, at)
    else if (char === "$" || char === ":" || char === "@") at = Math.max(nameEnd(text, at), digitsEnd(text, at))
    else continue
    if (char === "?" || at > start + 1) found.push(text.slice(start, at))
  }
  return found
}

/**
 * The values as `node:sqlite` binds them to these placeholders.
 *
 * @throws MooringError `BAD_PARAMS` unless each placeholder has a value and each value a placeholder.
 */
export function bindingsFor(placeholders: readonly string[], values: readonly SqliteValue[]): Bindings {
  const first = placeholders.find((text) => text !== "?")
  if (first === undefined) {
    if (placeholders.length === values.length) return values
    throw miscounted(placeholders.length === 1 ? "1 placeholder" : `${placeholders.length} placeholders`, values)
  }
  const names = new Set(placeholders)
  if (![...names].every((text) => /^[?$]\d+$/.test(text) && text[0] === first[0])) {
    throw new MooringError("BAD_PARAMS", `The statement has the placeholder ${[...names].find(isNamed) ?? "?"}.`, {
      hint: "Give params as an object for :name, or as an array for ?.",
    })
  }
  const numbers = new Set([...names].map((text) => Number(text.slice(1))))
  if (numbers.size !== values.length || Math.max(...numbers) !== values.length) {
    throw miscounted(`the placeholders ${[...names].join(", ")}`, values)
  }
  return [Object.fromEntries(values.map((value, i) => [i + 1, value]))]
}

function isNamed(text: string): boolean {
  return /^[:@$]\D/.test(text)
}

function miscounted(has: string, values: readonly SqliteValue[]): MooringError {
  const given = values.length === 1 ? "1 value" : `${values.length} values`
  return new MooringError("BAD_PARAMS", `The statement has ${has}, and ${given} came with it.`, {
    hint: "Give one value for each placeholder, and null for NULL.",
  })
}
