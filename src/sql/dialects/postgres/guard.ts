import { MooringError } from "../../../errors.ts"

/** A statement of our own beside one that reads. */
export type Control = "begin" | "rollback" | "leftovers" | "unlock"

export const controls: Readonly<Record<Control, string>> = {
  begin: "BEGIN READ ONLY",
  rollback: "ROLLBACK",
  leftovers:
    "SELECT pg_catalog.pg_advisory_unlock_all(), EXISTS (SELECT 1 FROM pg_catalog.pg_prepared_statements WHERE from_sql)",
  unlock: "SELECT pg_catalog.pg_advisory_unlock_all()",
}

/** What clears up after a ROLLBACK, from the best to what every server can do. */
const clearings: readonly (readonly Control[])[] = [["leftovers"], ["unlock"], []]

/**
 * Classes of SQLSTATE that say nothing of what a server has: about the link, its resources, its transactions, its end. Any other
 * error for a statement of ours is one for what it does not have: some engines have one code for all.
 */
const saysNothing = /^(08|25|40|53|55|57|58|XX)/

/**
 * What stands around a statement that reads, in its write: `BEGIN READ ONLY` before it, `ROLLBACK` and a clearing behind
 * it. PostgreSQL does not report that a function ran, so everything that one can leave is undone after every read:
 * settings, the role and cursors by the ROLLBACK, advisory locks of the session by the clearing, which also reports
 * prepared statements that are not ours.
 *
 * One object serves all connections of a database: what one of them learns about the server counts for all.
 */
export class Guard {
  private level = 0

  /** Outside of BEGIN, what CALL runs may commit, and write after that. */
  readonly before: Control = "begin"

  get after(): readonly Control[] {
    return ["rollback", ...this.clearing]
  }

  get clearing(): readonly Control[] {
    return clearings[this.level]!
  }

  /** The clearing as texts. */
  get clearingTexts(): readonly string[] {
    return this.clearing.map((control) => controls[control])
  }

  /** The server refused the clearing: true where it does not know it, and from now on less is asked of it. */
  lacks(control: Control | undefined, error: unknown): boolean {
    if (control === undefined || !isUnknownHere(error)) return false
    const level = clearings.findIndex(([first]) => first === control)
    if (level < 0) return false
    this.level = Math.max(this.level, level + 1)
    return true
  }
}

/**
 * The error for a statement that reads and failed: a better one where the server has no transactions that only read. Some engines
 * answer for a later statement first, so it is asked for that alone.
 *
 * @param control the statement of ours that the server refused, as far as its answers tell.
 * @param run runs statements of ours.
 */
export async function explainRefusal(
  error: unknown,
  control: Control | undefined,
  run: (texts: readonly string[]) => Promise<unknown>,
): Promise<unknown> {
  if (control !== "begin" || !isUnknownHere(error)) return error
  const refusal = await run([controls.begin, controls.rollback]).then(
    () => undefined,
    (other: unknown) => other,
  )
  // Some engines go on after an error and lose the order of the protocol: then the error itself has to do.
  const isLost = refusal instanceof Error && !("code" in refusal) && /^(42|0A)/.test((error as { code: string }).code)
  if (!isLost && !isUnknownHere(refusal)) return error
  return new MooringError(
    "UNSUPPORTED",
    `This server has no ${controls.begin}, so nothing would keep a query from changing something.`,
    { hint: "Use execute() or a session, which run statements as they are." },
  )
}

function isUnknownHere(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === "string" && !saysNothing.test(code)
}
