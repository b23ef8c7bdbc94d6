import type { FieldDescription } from "./wire/descriptions.ts"
import type { Format } from "./wire/messages.ts"

/** A statement that the server has prepared. */
export interface Prepared {
  /** "" where it is not kept. */
  readonly name: string
  /** The types of its parameters. */
  readonly parameters: readonly number[]
  /** Its columns, in the formats that they are asked for; undefined where it has no rows. */
  readonly fields: readonly FieldDescription[] | undefined
  readonly formats: readonly Format[]
}

/** What stands around a reading statement. */
export type Control = "begin" | "commit" | "rollback"

/** Statements kept on each connection; the server needs some tens of kilobytes for one. */
const mostKept = 256

/**
 * The prepared statements of one connection, by their text, the least recently used one leaving first.
 *
 * A statement gets a name when it comes for the second time: most that come once never come again.
 */
export class Statements {
  private readonly kept = new Map<string, Prepared>()
  /** Texts that came once. */
  private readonly seen = new Set<string>()
  private readonly leaving: string[] = []
  private counter = 0
  /** Which of the statements around a reading one are prepared. */
  readonly controls = new Set<Control>()
  readonly keeps: boolean
  /** Whether the caller prepared statements in SQL. */
  hasForeign = false

  /** @param keeps false: nothing is kept, as behind a pooler that changes servers between transactions. */
  constructor(keeps: boolean) {
    this.keeps = keeps
  }

  find(text: string): Prepared | undefined {
    const found = this.kept.get(text)
    if (found !== undefined) {
      this.kept.delete(text)
      this.kept.set(text, found)
    }
    return found
  }

  /** The name to prepare a text under. */
  nameFor(text: string): string {
    if (!this.keeps) return ""
    if (this.seen.delete(text)) return `mooring_${++this.counter}`
    this.seen.add(text)
    if (this.seen.size > mostKept) this.seen.delete(first(this.seen))
    return ""
  }

  keep(text: string, prepared: Prepared): void {
    if (prepared.name === "") return
    this.kept.set(text, prepared)
    if (this.kept.size <= mostKept) return
    this.forget(first(this.kept.keys()))
  }

  /** The server no longer takes this one for what it was. */
  forget(text: string): void {
    const found = this.kept.get(text)
    this.kept.delete(text)
    if (found !== undefined) this.leaving.push(found.name)
  }

  /** It was prepared, and will not be used. */
  abandon(name: string): void {
    if (name !== "") this.leaving.push(name)
  }

  /** Names that the server may forget, once. */
  takeLeaving(): string[] {
    return this.leaving.splice(0)
  }

  /** What a statement of the caller's did to the session's prepared statements. */
  note(tag: string): void {
    if (tag === "DISCARD ALL" || tag === "DEALLOCATE ALL") this.clear()
    else if (tag === "PREPARE") this.hasForeign = true
  }

  /** The server has forgotten all of them. */
  clear(): void {
    this.kept.clear()
    this.controls.clear()
    this.hasForeign = false
    this.leaving.length = 0
  }
}

function first(texts: Iterable<string>): string {
  for (const text of texts) return text
  return ""
}
