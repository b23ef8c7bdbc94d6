import { stableKey } from "../util/stable-key.ts"
import { machineId, type SourceIdentity } from "./source-identity.ts"

/** What a {@link SourceScope} asks its connection. */
export interface ScopeHost {
  readonly session: string | undefined
  identify(): Promise<SourceIdentity>
  /** The raw connection that the next use gets. */
  life(): { readonly id: number; readonly generation: number }
}

/** The part of the cache where one connection's results are: computed once, and anew after a change of configuration. */
export class SourceScope {
  readonly #host: ScopeHost
  #asked: Promise<SourceIdentity> | undefined
  #source: SourceIdentity | undefined
  /** What it comes to where it is the same for all generations. */
  #scope: string | undefined

  constructor(host: ScopeHost) {
    this.#host = host
  }

  /** The scope, where it is known already. */
  get known(): string | undefined {
    return this.#scope ?? (this.#source && this.#scopeOf(this.#source))
  }

  async resolve(): Promise<string> {
    if (this.#source) return this.#scopeOf(this.#source)
    const asked = (this.#asked ??= this.#host.identify())
    try {
      const source = await asked
      // The section changed meanwhile: what is read now comes from another source.
      if (this.#asked !== asked) return this.resolve()
      this.#source = source
      const scope = this.#scopeOf(source)
      if (!source.perGeneration) this.#scope = scope
      return scope
    } catch (error) {
      if (this.#asked === asked) this.#asked = undefined
      throw error
    }
  }

  /** What only this process knows does not enter a store that outlives it. */
  get outlivesProcess(): boolean {
    return this.#host.session === undefined && !this.#source?.processOnly && !this.#source?.perGeneration
  }

  forget(): void {
    this.#asked = undefined
    this.#source = undefined
    this.#scope = undefined
  }

  #scopeOf({ key, perGeneration, local }: SourceIdentity): string {
    const { session } = this.#host
    const owner = session === undefined ? "source" : `source of ${stableKey(session)}`
    if (!perGeneration) return local ? `${owner} ${machineId()} ${key}` : `${owner} ${key}`
    const { id, generation } = this.#host.life()
    return `${owner} ${id}.${generation} ${key}`
  }
}
