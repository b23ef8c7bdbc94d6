import { LRUCache } from "lru-cache"
import { MooringError } from "../../../errors.ts"
import type { Statement } from "../../dialect.ts"
import { fits, isBytes, isTyped, typeOfValue } from "./value-types.ts"

/** A statement, and what the server is told of its parameters' types: 0 where it infers them. */
export interface TypedText {
  readonly text: string
  readonly values: readonly unknown[]
  readonly types: readonly number[]
  /** Tells apart statements of one text whose parameters are declared differently. */
  readonly key: string
}

/** What only asks whether the server is there. */
export const nothing: TypedText = { text: "", values: [], types: [], key: "" }

/** Which parameters of a statement are declared. */
interface Rule {
  /** With one placeholder for a value that stands in GROUP BY or ORDER BY, too. */
  readonly merged: boolean
  /** By their value, whatever it is. */
  readonly always: ReadonlySet<number>
  /** By their value, unless it is a text or NULL, which may be anything. */
  readonly typed: ReadonlySet<number>
}

const inferred: Rule = { merged: false, always: new Set(), typed: new Set() }
const undeclared: readonly number[] = []

/** What was learned of statements, for all connections of a database. */
export class Typings {
  private readonly rules = new LRUCache<string, Rule>({ max: 1000 })

  of(statement: Statement, readOnly: boolean): Typing {
    const stores = !readOnly && !/^\s*(?:select|values)\b/i.test(statement.text)
    const rule = statement.values.length === 0 ? inferred : this.rules.get(statement.text)
    return new Typing(statement, stores, rule, (learned) => this.rules.set(statement.text, learned))
  }
}

/** A value that its parameter's type does not take. Nothing was run. */
export class UnfitValue extends Error {
  readonly index: number

  constructor(index: number) {
    super(`Parameter ${index + 1} does not fit the type that the server inferred.`)
    this.index = index
  }
}

/** The errors of a statement in which the server could not find the type of a parameter, or found a wrong one. */
const cannotInfer: readonly unknown[] = ["42P18", "42725", "42804", "42846"]
/** Expressions of SELECT that are not those of GROUP BY or ORDER BY, as two parameters never are. */
const notEqual: readonly unknown[] = ["42803", "42P10"]

/**
 * How the parameters of one call are declared. The server infers their types from the places where they stand, which is
 * right nearly always. Where it cannot, they are declared by their JavaScript values, as few as are enough.
 */
export class Typing {
  /** Whether nothing is known of this statement yet. */
  private readonly isNew: boolean
  private readonly statement: Statement
  private readonly stores: boolean
  private readonly learn: (rule: Rule) => void
  private rule: Rule
  private remembered: boolean
  private made: TypedText | undefined
  /** Declared in this call only: the next one's values may fit. */
  private readonly unfit = new Set<number>()
  private changed = false
  private first: unknown

  constructor(statement: Statement, stores: boolean, rule: Rule | undefined, learn: (rule: Rule) => void) {
    this.statement = statement
    this.stores = stores
    this.learn = learn
    this.isNew = rule === undefined
    this.remembered = rule !== undefined && rule !== inferred
    this.rule = rule ?? inferred
  }

  /** Whether the server may not understand the statement as it is {@link Typing.sent} now. */
  isDoubtful(prepared: { find(key: string): unknown }): boolean {
    if (this.statement.values.length === 0) return false
    return this.isNew || (this.rule !== inferred && prepared.find(this.sent.key) === undefined)
  }

  get sent(): TypedText {
    this.made ??= this.make()
    return this.made
  }

  /** @throws UnfitValue for the first value that its parameter's type does not take. */
  readonly check = (inferredTypes: readonly number[]): void => {
    const { values, types } = this.sent
    for (let i = 0; i < values.length && i < inferredTypes.length; i++) {
      if (!types[i] && !fits(values[i], inferredTypes[i]!, this.stores)) throw new UnfitValue(i)
    }
  }

  /** It ran, or failed for other reasons: the next call begins with what was found. */
  succeeded(): void {
    if (this.isNew || this.changed) this.learn(this.rule)
  }

  /** True where another declaration may do better after this error. */
  next(error: unknown): boolean {
    if (error instanceof UnfitValue) {
      this.unfit.add(error.index)
      this.made = undefined
      return true
    }
    const { code, message = "" } = (error ?? {}) as { code?: unknown; message?: string }
    const rule = this.better(code, message)
    if (rule === undefined) return false
    this.first ??= error
    this.rule = rule
    this.changed = true
    this.made = undefined
    return true
  }

  /** The error to give: that of the statement as the server read it at first. */
  reason(error: unknown): unknown {
    return this.first ?? error
  }

  private better(code: unknown, message: string): Rule | undefined {
    const { values } = this.sent
    const { rule } = this
    if (values.length === 0 || typeof code !== "string") return undefined
    // Found for values of other kinds, perhaps: begin anew, once.
    if (this.remembered && code.startsWith("42")) {
      this.remembered = false
      return inferred
    }
    if (notEqual.includes(code)) {
      return rule.merged || this.statement.merged === undefined ? undefined : { ...inferred, merged: true }
    }
    if (!cannotInfer.includes(code)) return undefined
    // The parameter's number is the same in every language.
    const named = code === "42P18" ? Number(/\$(\d+)/.exec(message)?.[1]) - 1 : Number.NaN
    if (named >= 0 && named < values.length && !rule.always.has(named)) {
      return { ...rule, always: new Set(rule.always).add(named) }
    }
    const typed = values.flatMap((value, i) => (isTyped(value) && !this.sent.types[i] ? [i] : []))
    if (typed.length > 0) return { ...rule, typed: new Set([...rule.typed, ...typed]) }
    return this.sent.types.length === values.length && this.sent.types.every((type) => type !== 0)
      ? undefined
      : { ...rule, always: new Set(values.keys()) }
  }

  private make(): TypedText {
    const { merged } = this.statement
    const { text, values } = this.rule.merged && merged ? merged() : this.statement
    const types = values.map((value, i) => (this.declares(i, value) ? typeOfValue(value) : 0))
    if (!types.some((type) => type !== 0)) return { text, values, types: undeclared, key: text }
    // No text has a NUL.
    return { text, values, types, key: `${types.join()}\0${text}` }
  }

  private declares(index: number, value: unknown): boolean {
    const { always, typed } = this.rule
    return isBytes(value) || always.has(index) || this.unfit.has(index) || (typed.has(index) && isTyped(value))
  }
}

/** The protocol ends a text at its first NUL: what stands behind it would be taken for another part of the message. */
export function checkText(text: string): void {
  if (!text.includes("\0")) return
  throw new MooringError("BAD_PARAMS", "The statement has a NUL character, which PostgreSQL's SQL cannot have.", {
    hint: "Give it in bytes, as a parameter.",
  })
}
