import type { Data } from "./guard.ts"
import { base64Cores, escaped, patternOf } from "./secret-forms.ts"
import { collectTexts, type SecretTexts } from "./secret-texts.ts"

/** Hiding each `a` would hide the message and give the secret away. */
const shortest = 4
const hidden = "***"
const base64 = /[\w+/-]/

/**
 * Takes secrets out of texts, in every form in which they are quoted, base64 of `user:password` included.
 *
 * A secret that is also the name of the connection, its user, host or database stays readable in sentences: it is shown
 * there anyway. Where it stands as a password it is hidden.
 */
export class Redactor {
  readonly #pattern: RegExp | undefined
  readonly #cores: RegExp | undefined

  constructor({ secrets, shown = [] }: { readonly secrets: readonly string[]; readonly shown?: readonly string[] }) {
    const long = [...new Set(secrets)].filter((secret) => secret.length >= shortest)
    const names = shown.filter((name) => long.some((secret) => name.includes(secret) && name !== secret))
    const alternatives = [
      ...names.map((name) => ({ length: name.length, source: `(?<![\\w])(?<shown>${escaped(name)})(?![\\w])` })),
      ...long.map((secret) => ({ length: secret.length, source: sourceOf(secret, shown.includes(secret)) })),
    ].sort((a, b) => b.length - a.length)
    this.#pattern = union(alternatives.map(({ source }) => source))
    this.#cores = union(long.flatMap(base64Cores).map(escaped))
  }

  /** True where there is nothing to take out. */
  get isEmpty(): boolean {
    return this.#pattern === undefined
  }

  /** The text with `***` for each secret. */
  text(text: string): string {
    if (this.#pattern === undefined) return text
    const plain = text.replace(this.#pattern, (found, ...rest) => {
      const groups = rest.at(-1) as Readonly<Record<string, string | undefined>> | string
      return typeof groups === "object" && Object.values(groups).includes(found) ? found : hidden
    })
    return this.#withoutBase64(plain)
  }

  holds(text: string): boolean {
    return this.text(text) !== text
  }

  #withoutBase64(text: string): string {
    if (this.#cores === undefined) return text
    let result = ""
    let done = 0
    this.#cores.lastIndex = 0
    for (let found = this.#cores.exec(text); found; found = this.#cores.exec(text)) {
      let [begin, end] = [found.index, this.#cores.lastIndex]
      while (begin > done && base64.test(text[begin - 1]!)) begin--
      while (end < text.length && base64.test(text[end]!)) end++
      while (text[end] === "=") end++
      result += text.slice(done, begin) + hidden
      this.#cores.lastIndex = done = end
    }
    return result + text.slice(done)
  }
}

/** One that is shown anyway is hidden only where it stands for the password. */
function sourceOf(secret: string, isShown: boolean): string {
  const pattern = `(?:${patternOf(secret)})`
  if (!isShown) return pattern
  const asPassword = "(?<=(?:[Pp]ass(?:word|wd|phrase)?|PASSWORD|[Pp]wd|[Ss]ecret|[Tt]oken)[\"']?\\s*[=:]\\s*[\"']?)"
  return `(?<=:)${pattern}(?=@)|${asPassword}${pattern}`
}

function union(sources: readonly string[]): RegExp | undefined {
  if (sources.length === 0) return undefined
  let count = 0
  // A name may stand in a regular expression once.
  return new RegExp(
    sources.join("|").replaceAll("(?<shown>", () => `(?<shown${count++}>`),
    "g",
  )
}

/** Every text in the values that must not be shown. */
export function secretTexts(values: Data): readonly string[] {
  return collectTexts([{ values }]).secrets
}

/**
 * The text with every secret replaced by `***`. Secrets of fewer than four characters are left.
 *
 * @example redact(error.message, collectTexts([{ values: section.values }]))
 */
export function redact(text: string, texts: SecretTexts): string {
  return new Redactor(texts).text(text)
}
