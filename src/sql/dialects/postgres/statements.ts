import { randomUUID } from "node:crypto"
import { LRUCache } from "lru-cache"
import { warnOnce } from "../../../util/warn.ts"
import type { Control } from "./guard.ts"
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

/** Statements kept on each connection; the server needs some tens of kilobytes for one. */
const mostKept = 256

/**
 * The prepared statements of one connection, by their text, the least recently used one leaving first.
 *
 * A statement gets a name when it comes for the second time: most that come once never come again.
 */
export class Statements {
  private readonly kept = new LRUCache<string, Prepared>({
    max: mostKept,
    dispose: ({ name }, _text, reason) => {
      if (reason === "evict") this.leaving.push(name)
    },
  })
  /** Texts that came once. */
  private readonly seen = new LRUCache<string, true>({ max: mostKept })
  private readonly leaving: string[] = []
  private counter = 0
  private losses = 0
  private keeping: boolean
  /** Names are this connection's own: behind a pooler, a name that another client gave would be another statement. */
  private readonly prefix = `mooring_${randomUUID().slice(0, 8)}_`
  /** Which of the statements around a reading one are prepared. */
  readonly controls = new Set<Control>()

  /** @param keeps false: nothing is kept, as behind a pooler that changes servers between transactions. */
  constructor(keeps: boolean) {
    this.keeping = keeps
  }

  get keeps(): boolean {
    return this.keeping
  }

  find(text: string): Prepared | undefined {
    return this.kept.get(text)
  }

  /** The name to prepare a text under. */
  nameFor(text: string): string {
    if (!this.keeping) return ""
    if (this.seen.delete(text)) return `${this.prefix}${++this.counter}`
    this.seen.set(text, true)
    return ""
  }

  nameOfControl(control: Control): string {
    return this.keeping ? this.prefix + control : ""
  }

  keep(text: string, prepared: Prepared): void {
    if (prepared.name !== "") this.kept.set(text, prepared)
  }

  /** The server no longer takes this one for what it was. False if it is not kept. */
  forget(text: string): boolean {
    const found = this.kept.get(text)
    if (found !== undefined) this.leaving.push(found.name)
    return this.kept.delete(text)
  }

  /** It was prepared, and will not be used. */
  abandon(name: string): void {
    if (name !== "") this.leaving.push(name)
  }

  /** Names that the server may forget, once. */
  takeLeaving(): string[] {
    return this.leaving.splice(0)
  }

  /** True for an error which says that the server no longer takes a kept statement for what it was. It is forgotten. */
  outdatedBy(error: unknown, text: string): boolean {
    const { code, routine, message = "" } = (error ?? {}) as { code?: unknown; routine?: unknown; message?: string }
    if (code === "0A000" && routine === "RevalidateCachedQuery") return this.forget(text)
    // The name stands in the message, whatever its language.
    if (code !== "26000" || !message.includes(this.prefix)) return false
    this.lost()
    return true
  }

  /**
   * The server does not know a statement that it prepared. Once, somebody may have deallocated it; where it happens again,
   * a pooler changes servers, and nothing is kept any more.
   */
  private lost(): void {
    this.clear()
    if (++this.losses < 2 || !this.keeping) return
    this.keeping = false
    warnOnce(
      "postgresql prepared statements",
      'PostgreSQL loses prepared statements between transactions, as behind a pooler: set prepared_statements = "unnamed".',
    )
  }

  /** What a statement of the caller's did to the session's prepared statements. */
  note(text: string, tag: string): void {
    if (tag === "DISCARD ALL" || tag === "DEALLOCATE ALL") this.clear()
    // Its columns are those of the cursor, which may be another one the next time.
    else if (tag.startsWith("FETCH ")) this.forget(text)
  }

  /** The server has forgotten all of them. */
  clear(): void {
    this.kept.clear()
    this.controls.clear()
    this.leaving.length = 0
  }
}
