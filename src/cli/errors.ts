/** What the process ends with. */
export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const

/** An error that was written for people: a sentence, and what to do. */
export class CommandError extends Error {
  /** What to do about it. */
  readonly hint: string | undefined
  readonly exitCode: number

  constructor(message: string, hint?: string, exitCode: number = exitCodes.failed, options?: ErrorOptions) {
    super(message, options)
    this.hint = hint
    this.exitCode = exitCode
  }
}

/** The command line asks for something that makes no sense. */
export class UsageError extends CommandError {
  constructor(message: string, hint?: string) {
    super(message, hint, exitCodes.usage)
  }
}
