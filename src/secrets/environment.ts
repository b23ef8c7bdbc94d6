import { MooringError } from "../errors.ts"
import { type Data, isRefusedKey, isTable, maxDepth, refusedKey } from "./guard.ts"

const prefix = "MOORING_CONNECTIONS__"
const separator = "__"

/** One variable `MOORING_CONNECTIONS__<NAME>__<KEY>`; which part is the name depends on the names that there are. */
export interface Override {
  readonly variable: string
  /** What follows the prefix. */
  readonly rest: string
  readonly value: string
}

/** What the environment says about one connection. */
export interface Overlay {
  readonly values: Data
  readonly variables: readonly string[]
}

/** The variables that configure connections, by name. */
export function readOverrides(env: NodeJS.ProcessEnv): readonly Override[] {
  return Object.keys(env)
    .filter((variable) => variable.length > prefix.length && variable.slice(0, prefix.length).toUpperCase() === prefix)
    .sort()
    .map((variable) => ({ variable, rest: variable.slice(prefix.length), value: env[variable] ?? "" }))
}

/** How names are compared: without case, and with `-` and `.` as `_`. Keeps the length, so that places stay places. */
export function folded(name: string): string {
  return name.replace(/[-.]/g, "_").replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

/**
 * What the environment lays over the section of `name`; undefined if nothing.
 *
 * @param known the names that files define. A variable that fits one of them belongs to it, not to a name that is only
 *   asked for.
 * @param section what files say, so that `PRIVATEKEY` finds `privateKey`.
 * @throws MooringError `BAD_CONFIG` where a variable fits several connections or keys, or none.
 */
export function overlayFor(
  name: string,
  known: readonly string[],
  section: Data | undefined,
  overrides: readonly Override[],
): Overlay | undefined {
  const isKnown = known.includes(name)
  const mine = overrides.filter((one) => {
    if (!fits(one, name)) return false
    const others = known.filter((other) => other !== name && fits(one, other))
    if (isKnown && others.length > 0) throw ambiguousName(one.variable, [name, ...others])
    return isKnown || others.length === 0
  })
  if (mine.length === 0) return undefined
  const values: Record<string, unknown> = Object.create(null)
  for (const one of mine) {
    put(values, section, one.rest.slice(name.length + separator.length).split(separator), one)
  }
  return { values: freezeAll(values), variables: mine.map((one) => one.variable) }
}

/** The connections that only the environment defines. */
export function environmentNames(known: readonly string[], overrides: readonly Override[]): readonly string[] {
  const names = new Map<string, string>()
  for (const one of overrides) {
    if (known.some((name) => fits(one, name))) continue
    const end = one.rest.indexOf(separator)
    if (end <= 0) continue
    const name = spelled(one.rest.slice(0, end))
    if (!names.has(folded(name))) names.set(folded(name), name)
  }
  return [...names.values()]
}

function fits({ rest }: Override, name: string): boolean {
  return folded(rest).startsWith(folded(name) + separator)
}

/** Capitals are the environment's habit, not a spelling; a name with a small letter is meant as it stands. */
function spelled(segment: string): string {
  return /[a-z]/.test(segment) ? segment : segment.toLowerCase()
}

function put(
  values: Record<string, unknown>,
  section: Data | undefined,
  path: readonly string[],
  { variable, value }: Override,
): void {
  if (path.length > maxDepth || path.includes("")) throw unreadable(variable)
  let table = values
  let pattern: unknown = section
  for (const [index, segment] of path.entries()) {
    const key = sameKey(segment, table, pattern, variable)
    if (isRefusedKey(key)) throw refusedKey(key, `The environment variable ${variable}`)
    pattern = isTable(pattern) ? pattern[key] : undefined
    const last = index === path.length - 1
    if (key in table && (last || !isTable(table[key]))) throw saidTwice(variable)
    if (last) table[key] = value
    else table = (table[key] ??= Object.create(null)) as Record<string, unknown>
  }
}

/** The key as the file spells it, or as an earlier variable did. */
function sameKey(segment: string, table: Data, pattern: unknown, variable: string): string {
  const keys = new Set([...Object.keys(table), ...(isTable(pattern) ? Object.keys(pattern) : [])])
  if (keys.has(segment)) return segment
  const alike = [...keys].filter((key) => folded(key) === folded(segment))
  if (alike.length > 1) {
    throw new MooringError("BAD_CONFIG", `The environment variable ${variable} could mean ${alike.join(" or ")}.`, {
      hint: "Rename one of the keys, or spell the variable exactly as the key that you mean.",
    })
  }
  return alike[0] ?? spelled(segment)
}

function ambiguousName(variable: string, names: readonly string[]): MooringError {
  const listed = names.map((name) => JSON.stringify(name)).join(" and ")
  return new MooringError("BAD_CONFIG", `The environment variable ${variable} fits the connections ${listed}.`, {
    hint: "Names are compared without case, with - and . as _. Rename a connection so that they differ.",
  })
}

function unreadable(variable: string): MooringError {
  return new MooringError("BAD_CONFIG", `The environment variable ${variable} names no key.`, {
    hint: `Write ${prefix}<NAME>__<KEY>, as ${prefix}PETS__PASSWORD; a key in a table follows after two more underscores.`,
  })
}

function saidTwice(variable: string): MooringError {
  return new MooringError("BAD_CONFIG", `The environment variable ${variable} sets a key that another variable sets.`, {
    hint: "Keep one of the two; names and keys are compared without case.",
  })
}

function freezeAll(values: Record<string, unknown>): Data {
  for (const value of Object.values(values)) if (isTable(value)) freezeAll(value as Record<string, unknown>)
  return Object.freeze(values)
}
