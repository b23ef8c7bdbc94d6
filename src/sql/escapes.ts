import type { Statement } from "./dialect.ts"
import type { Syntax } from "./syntax.ts"

/**
 * Binds a statement as the server will read it. Whether a backslash escapes in a string may be a setting of the session,
 * which is known once there is a connection: where it makes a difference, both readings are made now.
 *
 * @throws what `bind` throws, where neither reading can be bound.
 */
export function eachReading(sql: string, syntax: Syntax, bind: (syntax: Syntax) => Statement): Statement {
  if (!syntax.escapesVary || !sql.includes("\\") || !/['"]/.test(sql)) return bind(syntax)
  const standard = attempt(() => bind(syntax))
  const other = attempt(() => bind(flip(syntax)))
  const first = standard.statement ?? other.statement
  if (first === undefined) throw standard.error
  if (standard.statement?.text === other.statement?.text) return first
  const byEscapes = (escapes: boolean): Statement => {
    const { statement, error } = escapes === syntax.backslashEscapes ? standard : other
    if (statement === undefined) throw error
    return statement
  }
  return { ...first, byEscapes }
}

/**
 * The statement as a session reads it.
 *
 * @param escapes whether a backslash escapes in `'…'` there.
 * @throws MooringError `BAD_PARAMS` where the parameters do not fit this reading.
 */
export function asRead(statement: Statement, escapes: boolean): Statement {
  return statement.byEscapes === undefined ? statement : statement.byEscapes(escapes)
}

function attempt(bind: () => Statement): { statement?: Statement; error?: unknown } {
  try {
    return { statement: bind() }
  } catch (error) {
    return { error }
  }
}

// By syntax object, because plans of statements are kept by it.
const flipped = new WeakMap<Syntax, Syntax>()

function flip(syntax: Syntax): Syntax {
  let other = flipped.get(syntax)
  if (!other) flipped.set(syntax, (other = { ...syntax, backslashEscapes: !syntax.backslashEscapes }))
  return other
}
