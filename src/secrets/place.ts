import type { Stats } from "node:fs"
import { basename, dirname } from "node:path"
import { isMooringError, MooringError } from "../errors.ts"
import { fs } from "../util/node.ts"
import { permissionHint } from "../util/permission-model.ts"
import { losesSomething } from "./completeness.ts"
import { fingerprint } from "./fingerprint.ts"
import { harden } from "./guard.ts"
import type { SecretsPath } from "./paths.ts"
import { executionRefusal, isReadableByOthers } from "./permissions.ts"
import { decode, readSmallFile, whyUnreadable } from "./read-file.ts"
import { readFolder } from "./read-folder.ts"
import { secretTexts } from "./redact.ts"
import type { Content, Unread } from "./section.ts"
import { type State, signatureLater, stateOf } from "./signature.ts"
import { parseToml } from "./toml.ts"

/** A file so young may be written to again within the same tick of the file system's clock. */
const youngMs = 100
/** What looks half-written is believed after so long without another write. */
const doubtMs = 1000

/** What came of looking at a place again. */
export type Outcome = "same" | "changed" | "waiting"

/** One reading. Neither content nor problem: nothing is there. */
interface Reading {
  readonly content?: Content
  readonly problem?: MooringError
  readonly paths: readonly string[]
  /** The text breaks off in the middle of a line. */
  readonly unfinished?: boolean
}

/**
 * One file or folder of secrets, there or not, and the last good content of it.
 *
 * A reader cannot know whether a writer is done. So a change that only adds and replaces is taken when it is asked for;
 * one that loses keys, breaks off or cannot be read is taken for half-written, and the last good values stay until
 * nothing has been written for a second.
 */
export class Place {
  readonly display: string
  readonly #path: string
  readonly #named: boolean
  readonly #atHome: boolean
  readonly #report: (problem: MooringError) => void
  #content: Content | undefined
  #problem: MooringError | undefined
  #paths: readonly string[]
  #taken: string | undefined
  #young = false
  #seen = { signature: "", at: 0 }
  #warned = false

  constructor({ path, named, atHome = false }: SecretsPath, display: string, report: (problem: MooringError) => void) {
    this.display = display
    this.#path = path
    this.#named = named
    this.#atHome = atHome
    this.#report = report
    this.#paths = [path]
  }

  get problem(): MooringError | undefined {
    return this.#problem
  }

  /** What this place contributes; undefined if nothing is there. */
  get source(): Content | Unread | undefined {
    return this.#content ?? (this.#problem && { problem: this.#problem })
  }

  /** Whether a look is worth it. Does not block. */
  async mayHaveChanged(): Promise<boolean> {
    return this.#young || (await signatureLater(this.#paths)) !== this.#taken
  }

  /**
   * Reads again if something changed.
   *
   * @param urgent somebody waits for the newest values, as at a connect: what looks complete is taken at once.
   */
  refresh(urgent: boolean): Outcome {
    const state = stateOf(this.#paths)
    if (state.signature === this.#taken && !this.#young) return "same"
    const reading = this.#read()
    const calm = this.#calmMs(state)
    if (this.#content && calm < this.#patience(this.#content, reading, urgent)) return "waiting"
    this.#young = calm < youngMs
    this.#taken =
      reading.paths.join("\0") === this.#paths.join("\0") ? state.signature : stateOf(reading.paths).signature
    this.#paths = reading.paths
    return this.#take(reading)
  }

  /** For how long nothing was written, by the file's clock or by ours. */
  #calmMs({ signature, writtenAt }: State): number {
    const now = Date.now()
    if (this.#seen.signature !== signature) this.#seen = { signature, at: now }
    return Math.max(now - this.#seen.at, Number.isFinite(writtenAt) ? now - writtenAt : 0)
  }

  #patience(before: Content, { content, unfinished = false }: Reading, urgent: boolean): number {
    if (!content || unfinished || losesSomething(before.data, content.data))
      return sameAs(before, content) ? 0 : doubtMs
    return urgent ? 0 : youngMs
  }

  #take({ content, problem }: Reading): Outcome {
    if (problem) {
      const isNew = problem.message !== this.#problem?.message
      if (isNew) this.#report(problem)
      this.#problem = problem
      return isNew && !this.#content ? "changed" : "same"
    }
    const before = this.#content
    const recovered = before === undefined && this.#problem !== undefined
    this.#content = content
    this.#problem = undefined
    return recovered || !sameAs(before, content) ? "changed" : "same"
  }

  #read(): Reading {
    try {
      const stats = this.#stat()
      if (stats === undefined) return { paths: [this.#path] }
      return stats.isDirectory() ? this.#readFolder() : this.#readFile()
    } catch (error) {
      return { paths: [this.#path], problem: this.#explain(error) }
    }
  }

  #stat(): Stats | undefined {
    try {
      return fs.statSync(this.#path, { throwIfNoEntry: false })
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      // A service often runs with a home folder that it may not enter; what nobody asked for is then not there.
      if (code === "ENOTDIR" || (code === "EACCES" && !this.#named)) return undefined
      if (code === "ERR_ACCESS_DENIED" && this.#atHome) return undefined
      throw error
    }
  }

  #readFile(): Reading {
    const { bytes, stat } = readSmallFile(this.#path)
    const text = decode(bytes)
    const data = parseToml(text, this.display)
    const exposed = isReadableByOthers(stat) && isOpenToOthers(dirname(this.#path))
    // A file of addresses only may lie open, as in an example that is committed.
    if (exposed && secretTexts(data).length > 0) this.#warn(Number(stat.mode) & 0o777)
    const streamlit = basename(dirname(this.#path)) === ".streamlit"
    const refusal = executionRefusal(stat, this.display)
    const content = this.#contentOf({ data, references: !streamlit, streamlit, baseDir: dirname(this.#path), refusal })
    return { content, paths: [this.#path], unfinished: text !== "" && !text.endsWith("\n") }
  }

  #readFolder(): Reading {
    const { data, paths, refusal } = readFolder(this.#path, this.display)
    // Such a file holds one value, often a generated one: it is never a pattern to fill in.
    const literal = { references: false, streamlit: false }
    const content = { data: harden(data, this.display), ...literal, baseDir: this.#path, refusal }
    return { content: this.#contentOf(content), paths }
  }

  #contentOf(content: Omit<Content, "kind" | "display">): Content {
    return { kind: "file", display: this.display, ...content }
  }

  #explain(error: unknown): MooringError {
    if (isMooringError(error)) return error
    return new MooringError("SECRETS", `${this.display} cannot be used: ${whyUnreadable(error)}.`, {
      hint: permissionHint(error) ?? "Correct it or take it away; it is looked at again when it changes.",
      cause: error,
    })
  }

  #warn(mode: number): void {
    if (this.#warned) return
    this.#warned = true
    this.#report(
      new MooringError("SECRETS", `${this.display} can be read by other users (mode ${mode.toString(8)}).`, {
        hint: `Take their access away: chmod 600 ${this.display}`,
      }),
    )
  }
}

function sameAs(a: Content | undefined, b: Content | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.refusal === b.refusal && fingerprint(a.data) === fingerprint(b.data)
}

/** A closed folder protects the files in it, whatever their own modes say. */
function isOpenToOthers(folder: string): boolean {
  return ((fs.statSync(folder, { throwIfNoEntry: false })?.mode ?? 0o777) & 0o011) !== 0
}
