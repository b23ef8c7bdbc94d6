import { type Data, isTable } from "./guard.ts"

const secretKey =
  /pass(word|wd|phrase)?$|^pwd$|secret|token|credential|api_?-?key|private_?-?key|access_?-?key|^key$|authorization|cookie/i
const credentialsInUrl = /\/\/([^\s/?#:]*):([^\s]*)@/
const secretInQuery = /[?&]([^=&\s]+)=([^&\s#]+)/g
const shortest = 4

/** True for keys whose value is never shown: `password`, `api_key`, `sslpassword`, `access_token` … */
export function isSecretKey(key: string): boolean {
  return secretKey.test(key)
}

/**
 * Every text in the values that must not be shown: what stands under a secret key, however deep, and the passwords
 * inside URLs, as written and decoded.
 */
export function secretTexts(values: Data): readonly string[] {
  const found = new Set<string>()
  collect(values, false, found)
  return [...found]
}

function collect(value: unknown, secret: boolean, found: Set<string>): void {
  if (typeof value === "string") {
    if (secret) add(value, found)
    else addFromUrl(value, found)
  } else if (secret && (typeof value === "number" || typeof value === "bigint")) {
    add(String(value), found)
  } else if (Array.isArray(value)) {
    for (const item of value) collect(item, secret, found)
  } else if (isTable(value)) {
    for (const [key, item] of Object.entries(value)) collect(item, secret || isSecretKey(key), found)
  }
}

function addFromUrl(text: string, found: Set<string>): void {
  const password = credentialsInUrl.exec(text)?.[2]
  if (password) add(password, found)
  for (const [, key, value] of text.matchAll(secretInQuery)) if (isSecretKey(key!)) add(value!, found)
}

function add(text: string, found: Set<string>): void {
  for (const form of [text, encodeURIComponent(text.toWellFormed()), decoded(text)]) {
    if (form.trim().length > 0) found.add(form)
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * The text with every secret replaced by `***`. Secrets of fewer than four characters are left: hiding each `a` would
 * hide the message and tell the secret.
 *
 * @example redact(error.message, secretTexts(section.values))
 */
export function redact(text: string, secrets: readonly string[]): string {
  const longestFirst = secrets.filter((secret) => secret.length >= shortest).sort((a, b) => b.length - a.length)
  let result = text
  for (const secret of longestFirst) result = result.replaceAll(secret, "***")
  return result
}
