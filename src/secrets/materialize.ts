import { isMooringError, MooringError } from "../errors.ts"
import { type Data, isTable } from "./guard.ts"
import { InterpolationProblem, interpolate, type Lookup } from "./interpolate.ts"
import { asReference, type ReferenceContext } from "./reference.ts"

/** What it takes to turn what a source says into values. */
export interface MaterializeContext extends ReferenceContext {
  /** False for `.streamlit/` files and folders, where every text is literal. */
  readonly references: boolean
  readonly lookup: Lookup
  /** Notes each variable that was looked up, with its value, so that a change can be noticed. */
  readonly used: Map<string, string | undefined>
  /** Takes what variables held, so that it is known for a secret. */
  readonly filled?: Set<string>
}

/**
 * The values of one section: variables filled in, references as {@link SecretReference} objects. The section itself is
 * never a reference: `[connections.csv]` may have `file` as its only key.
 *
 * @throws MooringError `SECRETS` naming variable, key and source.
 */
export function toValues(section: Data, context: MaterializeContext): Data {
  if (!context.references) return section
  const result: Record<string, unknown> = Object.create(null)
  for (const [key, value] of Object.entries(section)) result[key] = toValue(value, key, context)
  return Object.freeze(result)
}

/** One value, as `toValues` makes it. */
export function toValue(value: unknown, key: string, context: MaterializeContext): unknown {
  if (!context.references) return value
  if (typeof value === "string") return fill(value, key, context)
  if (Array.isArray(value)) return Object.freeze(value.map((item, index) => toValue(item, `${key}.${index}`, context)))
  if (!isTable(value)) return value
  const reference = asReference(value, key, (text) => fill(text, key, context), context)
  if (reference) return reference
  const result: Record<string, unknown> = Object.create(null)
  for (const [inner, item] of Object.entries(value)) result[inner] = toValue(item, `${key}.${inner}`, context)
  return Object.freeze(result)
}

/**
 * The same for people and programs that look into `secrets`: references to files and commands stay the tables that they
 * are, because only a connect may run them, and a text whose variable is unset throws when it is read, not before.
 */
export function toData(value: unknown, key: string, context: MaterializeContext): unknown {
  if (!context.references) return value
  if (typeof value === "string") return fill(value, key, context)
  if (Array.isArray(value)) return Object.freeze(value.map((item, index) => toData(item, `${key}.${index}`, context)))
  if (!isTable(value)) return value
  const result: Record<string, unknown> = Object.create(null)
  for (const [inner, item] of Object.entries(value)) {
    define(result, inner, () => toData(item, key === "" ? inner : `${key}.${inner}`, context))
  }
  return Object.freeze(result)
}

/** Sets the key now; if that fails for a reason of ours, the error waits for whoever reads the key. */
export function define(target: Record<string, unknown>, key: string, make: () => unknown): void {
  try {
    Object.defineProperty(target, key, { value: make(), enumerable: true, configurable: true })
  } catch (error) {
    if (!isMooringError(error)) throw error
    const get = () => {
      throw error
    }
    Object.defineProperty(target, key, { get, enumerable: true, configurable: true })
  }
}

function fill(text: string, key: string, context: MaterializeContext): string {
  try {
    return interpolate(text, (variable) => {
      const value = context.lookup(variable)
      context.used.set(variable, value)
      if (value) context.filled?.add(value)
      return value
    })
  } catch (error) {
    if (!(error instanceof InterpolationProblem)) throw error
    const where = `${JSON.stringify(key)} in ${context.source}`
    if (error.kind === "unset") {
      throw new MooringError(
        "SECRETS",
        `${where} refers to the environment variable ${error.variable}, which is not set.`,
        {
          hint: `Set ${error.variable}, or give a default: \${${error.variable}:-default}.`,
        },
      )
    }
    throw new MooringError("SECRETS", `${where} has a \${ that begins no reference to a variable.`, {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it shows what to write
      hint: "A reference is ${NAME} or ${NAME:-default}. Write $${ for a literal ${.",
    })
  }
}
