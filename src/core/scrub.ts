import { isMooringError } from "../errors.ts"
import { collectTexts, Redactor, type SecretSource, type SecretTexts } from "../secrets/index.ts"
import { LeakFinder } from "./leak-finder.ts"
import { ScrubbedCopy } from "./scrubbed-copy.ts"

/** So many sources are remembered: a client that is still in use may quote what was valid before. */
const mostSources = 6

/** Of each copy, the error that it is a copy of. */
const originals = new WeakMap<object, unknown>()

/** The error that was thrown, of one that was scrubbed: for code that decides by it, not for code that shows it. */
export function originalOf(error: unknown): unknown {
  return isObject(error) && originals.has(error) ? originals.get(error) : error
}

/**
 * Takes secrets out of what is thrown: out of errors, their causes and everything that hangs on them. Clients quote what
 * they were given: `new URL()` puts it on `error.input`, others add their options or their request.
 */
export class Scrubber {
  readonly #connection: string
  readonly #keys: readonly string[]
  #known: readonly SecretTexts[] = []
  #redactor: Redactor | undefined
  /** The same error comes to several callers, and again from inside of others. */
  readonly #copies = new WeakMap<object, unknown>()

  /** @param keys secret beyond those that are so by their name. */
  constructor(connection: string, keys: readonly string[]) {
    this.#connection = connection
    this.#keys = keys
  }

  /** Adds what is to be hidden from now on. What is known already does not push out what was valid before. */
  hide(source: SecretSource): void {
    const texts = collectTexts([{ keys: this.#keys, ...source }])
    const written = JSON.stringify(texts)
    const others = this.#known.filter((known) => JSON.stringify(known) !== written)
    this.#known = [...others, texts].slice(-mostSources)
    this.#redactor = undefined
  }

  /**
   * The error itself where it holds no secret; else a copy of the same class without. What others made is not changed:
   * it may be the client's own, and in use. What cannot be copied is left out.
   */
  scrub(error: unknown): unknown {
    this.#redactor ??= this.#makeRedactor()
    if (this.#redactor.isEmpty) return error
    const known = isObject(error) ? this.#copies.get(error) : undefined
    if (known !== undefined) return known
    const finder = new LeakFinder(this.#redactor)
    if (!finder.holds(error)) return error
    const copy = new ScrubbedCopy(this.#redactor, finder)
    // Ours are known by their identity, and nobody else has them.
    if (isMooringError(error) && !Object.isFrozen(error)) return copy.within(error)
    const scrubbed = copy.of(error)
    if (isObject(error) && isObject(scrubbed)) {
      this.#copies.set(error, scrubbed)
      originals.set(scrubbed, error)
    }
    return scrubbed
  }

  /** Runs `work`, and scrubs what it throws. */
  async scrubbing<A, T>(work: (given: A) => T | Promise<T>, given: A): Promise<T> {
    try {
      return await work(given)
    } catch (error) {
      throw this.scrub(error)
    }
  }

  #makeRedactor(): Redactor {
    const secrets = this.#known.flatMap((known) => known.secrets)
    const shown = this.#known.flatMap((known) => known.shown)
    return new Redactor({ secrets, shown: [...shown, this.#connection] })
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null
}
