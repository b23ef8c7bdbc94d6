import type { MooringError } from "../errors.ts"
import { warnOnce } from "../util/warn.ts"
import type { BindTarget } from "./params.ts"
import type { Syntax } from "./syntax.ts"
import { blankEnd, quotedEnd, wordEnd } from "./tokens.ts"

/**
 * A target for statements of an app that came from Streamlit with its configuration: what Streamlit ignores is a warning
 * there, not an error.
 */
export function forStreamlit(connection: string, target: BindTarget): BindTarget {
  const onUnused = ({ message, hint = "" }: MooringError): void => {
    const said = `Connection "${connection}": ${message} It is ignored, as in Streamlit. ${hint}`
    warnOnce(`unused parameter ${connection} ${message}`, said.trimEnd())
  }
  return { ...target, onUnused }
}

/** Warns of a statement that SQLAlchemy's `text()` reads in another way: it removes the backslash of `\:` everywhere. */
export function warnOfQuotedColon(connection: string, sql: string, syntax: Syntax): void {
  if (!sql.includes("\\:") || !hasQuotedColon(sql, syntax)) return
  warnOnce(
    `quoted colon ${connection}`,
    `Connection "${connection}": a statement has \\: inside quotes. Streamlit removes that backslash, and Mooring does not, because a colon needs none there: write : instead. The statement begins ${JSON.stringify(sql.trimStart().slice(0, 60))}.`,
  )
}

function hasQuotedColon(sql: string, syntax: Syntax): boolean {
  for (let i = 0; i < sql.length; ) {
    const start = i
    i = blankEnd(sql, start, syntax)
    if (i > start) continue
    i = quotedEnd(sql, start, syntax)
    if (i > start && sql.slice(start, i).includes("\\:")) return true
    if (i === start) i = Math.max(wordEnd(sql, start), start + 1)
  }
  return false
}
