import { statSync } from "node:fs"
import { MooringError } from "../../../errors.ts"

/** The file that stands under a path, and the write-ahead log beside it, as they were when they were last looked at. */
export class OpenFile {
  readonly #path: string
  readonly #label: string
  readonly #identity: string | undefined
  #log: string | undefined

  constructor({ path, label }: { readonly path: string; readonly label: string }) {
    this.#path = path
    this.#label = label
    this.#identity = identityOf(path)
    this.#log = this.#logNow()
  }

  get isMissing(): boolean {
    return this.#identity === undefined
  }

  /**
   * Whether the path leads to another file by now, or to none.
   *
   * @throws MooringError `CONNECT` if the log of the file before lies beside it: SQLite would take its pages for the new
   * file's, and give the rows of either.
   */
  isReplaced(): boolean {
    const now = identityOf(this.#path)
    const log = this.#logNow()
    if (now === this.#identity) {
      this.#log = log
      return false
    }
    const isOldLog = log !== undefined && (this.#log === undefined || this.#log === log)
    if (now !== undefined && this.#identity !== undefined && isOldLog) throw this.#replaced()
    return true
  }

  #logNow(): string | undefined {
    return identityOf(`${this.#path}-wal`, 1)
  }

  #replaced(): MooringError {
    const label = this.#label
    return new MooringError("CONNECT", `The database file ${label} was replaced while it was open.`, {
      hint:
        `The log ${label}-wal belongs to the file before: move it and ${label}-shm away, and what is not in the file yet ` +
        "with them. Replace a database only while nobody has it open, or write into it instead.",
    })
  }
}

/** @param least smaller files do not count; bytes. */
export function identityOf(file: string, least: number = 0): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false })
  return stat && stat.size >= least ? `${stat.dev}:${stat.ino}` : undefined
}
