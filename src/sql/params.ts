import { LRUCache } from "lru-cache"
import { MooringError } from "../errors.ts"
import { didYouMean } from "../util/suggest.ts"
import { describe, isScalar, toBindable } from "./bindable.ts"
import type { Capabilities, Statement } from "./dialect.ts"
import { eachReading } from "./escapes.ts"
import { type ScanMode, type Scanned, type Slot, scan } from "./scan.ts"
import type { Syntax } from "./syntax.ts"

/** Values for a statement: an object for `:name`, an array for `?`. */
export type Params = Readonly<Record<string, unknown>> | readonly unknown[]

type Values = Readonly<Record<string, unknown>>

/** A database's SQL, as far as binding goes. */
export interface BindTarget {
  readonly syntax: Syntax
  readonly capabilities: Pick<Capabilities, "arrays">
  /** Is given what is wrong where an object has names that the statement has not. Absent: it is thrown. */
  readonly onUnused?: (problem: MooringError) => void
}

/**
 * A statement with the database's own placeholders, and the values for them.
 *
 * An object binds `:name`, an array binds `?`, on every dialect; values travel as parameters and never become text.
 * Without `params` the text is left as it is. An array directly after `in` becomes a list: `in :ids` and `in (:ids)`
 * alike. Nothing is in an empty one, and everything is `not in` it. A `null` inside a list means what SQL says: `x in`
 * is then true or NULL, `x not in` false or NULL.
 *
 * @throws MooringError `BAD_PARAMS` for values that are missing, unused, `undefined`, or of no SQL type.
 * @example
 * bindParams("select * from pets where id in :ids", { ids: [1, 2] }, { syntax: postgresSyntax, capabilities })
 * // { text: "select * from pets where id in ($1, $2)", values: [1, 2] }
 */
export function bindParams(sql: string, params: Params | undefined, target: BindTarget): Statement {
  if (params === undefined) return { text: sql, values: [] }
  if (Array.isArray(params))
    return eachReading(sql, target.syntax, (syntax) => bindPositional(sql, params, { ...target, syntax }))
  // The tag tells a record of any class from a Map, a Date or a Promise.
  if (Object.prototype.toString.call(params) === "[object Object]") {
    return eachReading(sql, target.syntax, (syntax) => bindNamed(sql, params as Values, { ...target, syntax }))
  }
  throw badParams(`params is ${describe(params)}.`, "Give an object for :name placeholders, or an array for ?.")
}

function bindNamed(sql: string, params: Values, target: BindTarget): Statement {
  const plan = planOf(sql, target.syntax, "named")
  const { names } = plan.scanned
  const values = new Array<unknown>(names.length)
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!
    if (!Object.hasOwn(params, name)) throw missing(name, params)
    const value = params[name]
    values[i] = isScalar(value) ? value : toBindable(value, `:${name}`)
  }
  const given = Object.keys(params)
  if (given.length !== names.length) report(unused(given, sql, plan.scanned), target)
  const { native } = plan.scanned
  if (native !== undefined && names.length > 0) throw mixed(`:${names[0]}`, native, "Give every value a name.")
  return emit(plan, values, target)
}

function bindPositional(sql: string, params: readonly unknown[], target: BindTarget): Statement {
  const plan = planOf(sql, target.syntax, "positional")
  const { slots, native } = plan.scanned
  if (slots.length > 0 && native !== undefined)
    throw mixed("?", native, "Write ?? for a question mark that belongs to the SQL.")
  if (native === undefined && slots.length !== params.length) throw miscounted(sql, slots.length, params, target)
  const values = new Array<unknown>(params.length)
  for (let i = 0; i < params.length; i++) values[i] = toBindable(params[i], `Parameter ${i + 1}`)
  if (native === undefined) return emit(plan, values, target)
  for (let i = 0; i < values.length; i++) refuseArray(values[i], `Parameter ${i + 1}`, target)
  return { text: plan.text, values }
}

/**
 * A template's text, its values marked by `hole`, bound as {@link bindParams} does.
 *
 * @throws MooringError `BAD_PARAMS` where a value stands inside a string, a quoted name or a comment.
 */
export function bindHoles(text: string, given: readonly unknown[], target: BindTarget): Statement {
  return eachReading(text, target.syntax, (syntax) => bindValuesOf(text, given, { ...target, syntax }))
}

function bindValuesOf(text: string, given: readonly unknown[], target: BindTarget): Statement {
  const plan = planOf(text, target.syntax, "holes")
  const { slots, native } = plan.scanned
  if (slots.length !== given.length) {
    throw badParams(
      "A value of the template stands inside a string, a quoted name or a comment.",
      "Take the quotes away: a value in a template is bound as a parameter and needs none. Give a name with sql.id().",
    )
  }
  if (slots.length > 0 && native !== undefined)
    throw mixed("a template's values", native, "Put that value into the template, too.")
  const values = given.map((value, i) =>
    isScalar(value) ? value : toBindable(value, `Value ${i + 1} of the template`),
  )
  return emit(plan, values, target)
}

/** A scanned statement, and what it comes to when no list expands. */
interface Plan {
  readonly scanned: Scanned
  readonly text: string
  /** For each placeholder of `text`, which value it takes; undefined where that is all values in order. */
  readonly order: readonly number[] | undefined
  readonly hasLists: boolean
  /** Whether values may stand in several places, where each place has a placeholder of its own. */
  readonly repeats: boolean
}

type Plans = Record<ScanMode, LRUCache<string, Plan>>

// By syntax object, because a dialect has one for the life of the process.
const plans = new WeakMap<Syntax, Plans>()

function planOf(sql: string, syntax: Syntax, mode: ScanMode): Plan {
  let ofSyntax = plans.get(syntax)
  if (!ofSyntax) plans.set(syntax, (ofSyntax = { named: newCache(), positional: newCache(), holes: newCache() }))
  const cache = ofSyntax[mode]
  let plan = cache.get(sql)
  if (!plan) cache.set(sql, (plan = makePlan(scan(sql, syntax, mode), syntax)))
  return plan
}

function newCache(): LRUCache<string, Plan> {
  return new LRUCache({ max: 500, maxSize: 4_000_000, sizeCalculation: (_plan, sql) => sql.length + 1 })
}

function makePlan(scanned: Scanned, syntax: Syntax): Plan {
  const shared = sharesPlaceholders(syntax)
  const order: number[] = []
  const text = assemble(scanned, ({ index, list }) => {
    let position = shared ? order.indexOf(index) : -1
    if (position === -1) position = order.push(index) - 1
    const placeholder = syntax.placeholder(position + 1)
    return list === "wrapped" ? `(${placeholder})` : placeholder
  })
  const inOrder = order.every((index, i) => index === i)
  const hasLists = scanned.slots.some((slot) => slot.list !== "none")
  const { slots, names } = scanned
  const mayRepeat =
    names.length > 0 ? slots.length > names.length : slots.length > 1 && slotsAfterClause(scanned).length > 0
  const repeats = syntax.typedByPlace && mayRepeat
  return { scanned, text, order: inOrder ? undefined : order, hasLists, repeats }
}

/** Whether a value that stands in several places needs one placeholder only. */
function sharesPlaceholders(syntax: Syntax): boolean {
  return !syntax.typedByPlace && syntax.placeholder(1) !== syntax.placeholder(2)
}

function emit(plan: Plan, values: readonly unknown[], target: BindTarget): Statement {
  const { scanned, order } = plan
  let lists = false
  for (let i = 0; i < values.length; i++) {
    if (!Array.isArray(values[i])) continue
    const label = scanned.names.length > 0 ? `:${scanned.names[i]}` : `Parameter ${i + 1}`
    for (const slot of scanned.slots) {
      if (slot.index !== i) continue
      if (slot.list === "none") refuseArray(values[i], label, target)
      else for (const value of values[i] as unknown[]) refuseArray(value, label, target)
    }
    lists ||= plan.hasLists
  }
  const { syntax } = target
  const merged = plan.repeats ? { merged: () => mergedStatement(plan, values, syntax) } : undefined
  if (lists) return { ...expand(plan, values, syntax, () => sharesPlaceholders(syntax)), ...merged }
  return { text: plan.text, values: order ? order.map((index) => values[index]) : values, ...merged }
}

/** Where values stand in or behind a clause whose expressions must be those of the select list. */
function slotsAfterClause({ pieces, slots }: Scanned): readonly Slot[] {
  const clause = pieces.findIndex((piece) => /\b(?:group|order)\s+by\b/i.test(piece))
  return clause === -1 ? [] : slots.slice(clause)
}

/** With one placeholder for each value that stands in a clause whose expressions must be those of the select list. */
function mergedStatement(plan: Plan, values: readonly unknown[], syntax: Syntax): Statement {
  const { names } = plan.scanned
  // Values without names are the same where they are equal.
  const first = (index: number): number => values.findIndex((value) => Object.is(value, values[index]))
  const same = names.length > 0 ? (index: number) => index : first
  const merged = new Set(slotsAfterClause(plan.scanned).map(({ index }) => same(index)))
  return expand(plan, values, syntax, (index) => merged.has(same(index)), same)
}

/** Puts lists in, and gives each place a placeholder of its own, but for values that `shares` one. */
function expand(
  plan: Plan,
  values: readonly unknown[],
  syntax: Syntax,
  shares: (index: number) => boolean,
  same: (index: number) => number = (index) => index,
): Statement {
  const out: unknown[] = []
  const bind = (value: unknown): string => syntax.placeholder(out.push(value))
  const seen = new Map<string, string>()
  const text = assemble(plan.scanned, (slot) => {
    const value = values[slot.index]
    const listed = slot.list !== "none" && Array.isArray(value)
    if (listed && value.length === 0) return syntax.emptyList(slot.negated)
    const key = `${listed ? "list" : "value"} ${same(slot.index)}`
    let placeholder = shares(slot.index) ? seen.get(key) : undefined
    if (placeholder === undefined) {
      placeholder = listed ? value.map(bind).join(", ") : bind(value)
      seen.set(key, placeholder)
    }
    return listed || slot.list === "wrapped" ? `(${placeholder})` : placeholder
  })
  return { text, values: out }
}

function assemble(scanned: Scanned, write: (slot: Slot) => string): string {
  let text = scanned.pieces[0]!
  for (let i = 0; i < scanned.slots.length; i++) text += write(scanned.slots[i]!) + scanned.pieces[i + 1]!
  return text
}

function refuseArray(value: unknown, label: string, target: BindTarget): void {
  if (!Array.isArray(value) || target.capabilities.arrays) return
  throw badParams(
    `${label} is an array, and this database has no arrays.`,
    "An array becomes a list directly after `in`; for a JSON column, give JSON.stringify(array).",
  )
}

function report(problem: MooringError, { onUnused }: BindTarget): void {
  if (onUnused === undefined) throw problem
  onUnused(problem)
}

function missing(name: string, params: Values): MooringError {
  const guess = didYouMean(name, Object.keys(params))
  return badParams(`The statement has :${name}, and params has no ${name}.`, [
    guess,
    `Add ${name} to params (null for NULL), or write \\:${name} if the colon is part of the SQL.`,
  ])
}

function unused(given: readonly string[], sql: string, { names }: Scanned): MooringError {
  const name = given.find((key) => !names.includes(key))!
  const native = [`$${name}`, `@${name}`, `%(${name})s`].find((form) => sql.includes(form))
  return badParams(`params has ${JSON.stringify(name)}, and the statement has no :${name}.`, [
    native === undefined ? didYouMean(name, names) : `Write :${name} instead of ${native}.`,
    names.length === 0
      ? "The statement has no :name placeholders outside strings and comments."
      : `The statement's names are ${names.join(", ")}.`,
  ])
}

function miscounted(sql: string, wanted: number, params: readonly unknown[], target: BindTarget): MooringError {
  const placeholders = wanted === 1 ? "1 placeholder (?)" : `${wanted} placeholders (?)`
  const values = params.length === 1 ? "1 value" : `${params.length} values`
  const names = wanted === 0 ? planOf(sql, target.syntax, "named").scanned.names : []
  return badParams(`The statement has ${placeholders}, and params has ${values}.`, [
    names.length > 0 ? `Its names (:${names[0]}) need an object: { ${names[0]}: … }.` : "",
    wanted > params.length ? "Write ?? for a question mark that belongs to the SQL." : "",
    wanted === 1 && params.length > 1 ? oneArray : "",
  ])
}

const oneArray =
  "To bind one array, wrap it: [[1, 2]] in query(), and [[[1, 2]]] in execute(), which takes an array of arrays for many sets."

function mixed(ours: string, native: string, hint: string): MooringError {
  return badParams(`The statement mixes ${ours} with the database's own placeholder ${native}.`, hint)
}

function badParams(message: string, hint: string | readonly string[]): MooringError {
  const text = typeof hint === "string" ? hint : hint.filter((part) => part !== "").join(" ")
  return new MooringError("BAD_PARAMS", message, text === "" ? {} : { hint: text })
}
