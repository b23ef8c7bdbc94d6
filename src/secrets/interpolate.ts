import { maxDepth } from "./guard.ts"

/** Why a text cannot be interpolated. Holds the variable's name, never a piece of the text. */
export class InterpolationProblem extends Error {
  readonly kind: "unset" | "malformed"
  readonly variable: string | undefined

  constructor(kind: "unset" | "malformed", variable?: string) {
    super(kind)
    this.kind = kind
    this.variable = variable
  }
}

const opening = /\$\$\{|\$\{/g
const head = /([A-Za-z_][A-Za-z0-9_]*)(\}|:-)/y
const insideDefault = /\$\$\{|\$\{|\}/g

/** Gives a variable's value; undefined when it is not set. */
export type Lookup = (variable: string) => string | undefined

/**
 * Replaces `${VAR}` and `${VAR:-default}` as a shell does: the default stands in for an unset or empty variable, and may
 * hold references itself. `$${` is a literal `${`; a lone `$` means nothing.
 *
 * @example interpolate("${HOST:-localhost}:5432", (name) => process.env[name])
 * @throws InterpolationProblem for a variable that is unset and has no default, and for a `${` that is no reference.
 */
export function interpolate(text: string, lookup: Lookup): string {
  let result = ""
  let at = 0
  for (;;) {
    opening.lastIndex = at
    const found = opening.exec(text)
    if (!found) return result + text.slice(at)
    result += text.slice(at, found.index)
    at = opening.lastIndex
    if (found[0] === "$${") {
      result += "${"
    } else {
      const { value, end } = reference(text, at, lookup)
      result += value
      at = end
    }
  }
}

/** Reads one reference from after its `${`; `end` is after its `}`. */
function reference(text: string, start: number, lookup: Lookup): { value: string; end: number } {
  head.lastIndex = start
  const match = head.exec(text)
  if (!match) throw new InterpolationProblem("malformed")
  const after = head.lastIndex
  const variable = match[1]!
  const value = lookup(variable)
  if (match[2] === "}") {
    if (value === undefined) throw new InterpolationProblem("unset", variable)
    return { value, end: after }
  }
  const close = endOfDefault(text, after)
  return { value: value || interpolate(text.slice(after, close), lookup), end: close + 1 }
}

/** The place of the `}` that closes a default beginning at `start`. */
function endOfDefault(text: string, start: number): number {
  let open = 1
  insideDefault.lastIndex = start
  for (let found = insideDefault.exec(text); found; found = insideDefault.exec(text)) {
    if (found[0] === "${" && ++open > maxDepth) break
    if (found[0] === "}" && --open === 0) return found.index
  }
  throw new InterpolationProblem("malformed")
}
