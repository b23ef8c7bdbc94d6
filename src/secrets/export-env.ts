import type { Data } from "./guard.ts"

/**
 * Streamlit's habit, on request: top-level texts and numbers are also environment variables. Opt-in, because child
 * processes inherit them.
 */
export class EnvExport {
  readonly #env: NodeJS.ProcessEnv
  /** What was set, and what stood there before. */
  readonly #set = new Map<string, { value: string; before: string | undefined }>()

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env
  }

  /** Exports these values and takes back those that are gone. */
  update(all: Data): void {
    const wanted = new Map<string, string>()
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(all))) {
      if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") {
        wanted.set(key, String(value))
      }
    }
    for (const key of this.#set.keys()) if (!wanted.has(key)) this.#restore(key)
    for (const [key, value] of wanted) {
      const before = this.#set.has(key) ? this.#set.get(key)!.before : this.#env[key]
      this.#set.set(key, { value, before })
      this.#env[key] = value
    }
  }

  /**
   * A variable as if nothing had been exported: a secret that refers to the variable that it becomes would otherwise
   * change with each export.
   */
  original(variable: string): string | undefined {
    const mine = this.#set.get(variable)
    const now = this.#env[variable]
    return mine && mine.value === now ? mine.before : now
  }

  /** Puts everything back, except what somebody else has changed since. */
  undo(): void {
    for (const key of this.#set.keys()) this.#restore(key)
  }

  #restore(key: string): void {
    const { value, before } = this.#set.get(key)!
    this.#set.delete(key)
    if (this.#env[key] !== value) return
    if (before === undefined) delete this.#env[key]
    else this.#env[key] = before
  }
}
