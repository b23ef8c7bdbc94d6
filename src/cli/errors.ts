/** What the process ends with. */
export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const

/** The command line asks for something that makes no sense. */
export class UsageError extends Error {
  /** What to do about it. */
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}
