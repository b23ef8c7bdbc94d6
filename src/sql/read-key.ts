import { stableKey } from "../util/stable-key.ts"
import { keyOfValues } from "./bindable.ts"
import type { Progress, RunOptions, Statement } from "./dialect.ts"
import type { SqlText } from "./options.ts"
import type { Params } from "./params.ts"

/** How large a result may be. */
export type Limits = Pick<RunOptions, "maxRows" | "maxBytes">

/** What calls have that name no limits. */
export const unlimited: Limits = { maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }

/** The part of a cache that holds all results of one statement. */
export function groupOf(sql: SqlText, { text }: Statement): string {
  return typeof sql === "string" ? sql : `sql\`${text}`
}

/** The part of a key below the statement: how params were given, their typed values, and limits where there are any. */
export function readKey(values: readonly unknown[], params: Params | undefined, limits: Limits): string {
  const mode = params === undefined ? "" : Array.isArray(params) ? "?" : ":"
  const { maxRows, maxBytes } = limits
  const bounds =
    maxRows === unlimited.maxRows && maxBytes === unlimited.maxBytes ? "" : stableKey({ maxRows, maxBytes })
  return values.length === 0 ? mode + bounds : mode + bounds + stableKey(keyOfValues(values))
}

/** More limits than this are not worth the trouble of looking for each. */
const mostLimits = 100

/** The limits that calls have named, of which each makes results of its own. */
export class SeenLimits {
  readonly #seen = new Map<string, Limits>([["", unlimited]])

  note(limits: Limits): void {
    if (limits.maxRows === unlimited.maxRows && limits.maxBytes === unlimited.maxBytes) return
    if (this.#seen.size <= mostLimits) this.#seen.set(`${limits.maxRows} ${limits.maxBytes}`, limits)
  }

  /** All of them; undefined if they are too many. */
  all(): readonly Limits[] | undefined {
    return this.#seen.size > mostLimits ? undefined : [...this.#seen.values()]
  }
}

type Watcher = (progress: Progress) => void

/** Who wants to hear how far an execution has come, by its key: all who share it. */
export class ProgressWatchers {
  readonly #watchers = new Map<string, Set<Watcher>>()

  /** @returns what ends the watch. */
  add(key: string, watcher: Watcher): () => void {
    const watchers = this.#watchers.get(key) ?? new Set()
    this.#watchers.set(key, watchers.add(watcher))
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.#watchers.get(key) === watchers) this.#watchers.delete(key)
    }
  }

  /** What tells them; undefined if nobody watches now, since a database may tell more slowly than it works. */
  teller(key: string): Watcher | undefined {
    if (this.#watchers.size === 0 || !this.#watchers.has(key)) return undefined
    return (progress) => {
      for (const watcher of this.#watchers.get(key) ?? []) watcher(progress)
    }
  }
}
