import { type Data, isTable } from "./guard.ts"
import { isSecretKey, isShownKey } from "./secret-keys.ts"

/** What stands in a configuration, by whether it may be shown. */
export interface SecretTexts {
  /** What must not appear anywhere, as written and decoded. */
  readonly secrets: readonly string[]
  /** What is shown of a connection anyway: its host, its user, its database. */
  readonly shown: readonly string[]
}

/** Where secrets may be. */
export interface SecretSource {
  readonly values: Data
  /** Keys of the values that are secret beyond those that are so by their name. */
  readonly keys?: readonly string[] | undefined
  /** Secret wherever they stand: what came from files, commands and variables. */
  readonly texts?: readonly string[] | undefined
}

const address = /^\s*[a-z][\w+.-]*:\/\/([^\s]*)/i
const inQuery = /[?&]([^=&\s]+)=([^&\s#]+)/g
/** As in `Server=db;User Id=sa;Password=…` and `host=db password='…'`. */
const pair = /(?:^|[;\s,{&?])["']?([\w-]+(?: [\w-]+)?)["']?\s*[=:]\s*("[^"]*"|'[^']*'|[^;,\s&}]+)/g
const header = /^(?:basic|bearer|digest|token)\s+(\S+)$/i
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/
/** What variables hold and is no secret, whatever key it stands under. */
const commonWords = /^(true|false|null|none|undefined|prod(uction)?|staging|dev(elopment)?|test)$/i

/** Every text in the sources that must not be shown, and those that are shown anyway. */
export function collectTexts(sources: readonly SecretSource[]): SecretTexts {
  const collector = new Collector()
  for (const { values, keys = [], texts = [] } of sources) {
    collector.table(values, false, keys)
    for (const text of texts) if (!commonWords.test(text.trim())) collector.secret(text)
  }
  return { secrets: [...collector.secrets], shown: [...collector.shown] }
}

class Collector {
  readonly secrets = new Set<string>()
  readonly shown = new Set<string>()

  table(values: Data, secret: boolean, keys: readonly string[]): void {
    for (const [key, value] of Object.entries(values)) {
      const own = secret || keys.includes(key) || isSecretKey(key, value)
      this.#value(value, own, keys)
      const plain = typeof value === "string" || typeof value === "number" || typeof value === "bigint"
      if (!own && plain && isShownKey(key)) this.shown.add(String(value))
    }
  }

  #value(value: unknown, secret: boolean, keys: readonly string[]): void {
    if (typeof value === "string") {
      // Of an address, only the credentials are secret.
      if (secret && !address.test(value)) this.secret(value)
      else this.#parts(value)
    } else if (secret && (typeof value === "number" || typeof value === "bigint")) this.#add(String(value))
    else if (value instanceof Uint8Array && secret) this.secret(Buffer.from(value).toString())
    else if (Array.isArray(value)) for (const item of value) this.#value(item, secret, keys)
    else if (isTable(value)) this.table(value, secret, keys)
  }

  /** A secret, and those inside it. */
  secret(text: string): void {
    this.#add(text)
    this.#parts(text)
  }

  #parts(text: string): void {
    const rest = address.exec(text)?.[1]
    if (rest !== undefined) this.#address(rest)
    for (const [, key, value] of text.matchAll(inQuery)) if (isSecretKey(key!, value)) this.#add(value!)
    if (rest === undefined) for (const [, key, value] of text.matchAll(pair)) this.#pair(key!, value!)
    const sent = header.exec(text)?.[1]
    if (sent !== undefined) this.#header(sent)
    if (privateKey.test(text)) for (const line of text.split("\n")) if (!line.includes("-----")) this.#add(line.trim())
  }

  #pair(key: string, value: string): void {
    const name = key.split(" ").at(-1)!
    const plain = value.replace(/^(["'])(.*)\1$/, "$2")
    if (isSecretKey(name, plain)) this.#add(plain)
  }

  /** What follows `://`. A password may hold an @, and so may what follows it: each may be where it ends. */
  #address(rest: string): void {
    const colon = rest.search(/[:/?#@]/)
    const first = rest.indexOf("@")
    const last = rest.lastIndexOf("@")
    if (rest[colon] === ":" && first > colon) {
      for (let at = first; at !== -1; at = rest.indexOf("@", at + 1)) this.#add(rest.slice(colon + 1, at))
    }
    const user = first === -1 ? "" : rest.slice(0, Math.min(first, rest[colon] === ":" ? colon : first))
    const place = /^([^/?#]*)(?:\/([^?#]*))?/.exec(rest.slice(last + 1)) ?? []
    const [host = "", port = ""] = (place[1] ?? "").split(/:(?=\d*$)/)
    for (const part of [user, host, port, place[2] ?? ""]) if (part !== "") this.#show(part)
  }

  #show(text: string): void {
    this.shown.add(text)
    this.shown.add(decoded(text))
  }

  #header(sent: string): void {
    this.#add(sent)
    const [, password] = /^[^:]*:(.+)$/.exec(Buffer.from(sent, "base64").toString()) ?? []
    if (password !== undefined) this.#add(password)
  }

  #add(text: string): void {
    for (const form of [text, text.trim(), decoded(text)]) if (form.trim() !== "") this.secrets.add(form)
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
