/** Longer secrets are looked for as written, and with the escapes of JSON and URLs, but not with a mixture of them. */
const longest = 256
/** Of a text that was escaped four times. Without a bound, a long run of them would take quadratic time. */
const mostBackslashes = 16
/** A piece of base64 so short may stand there by chance. */
const shortestBase64 = 6
const entities: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "#39" }
const escapes: Readonly<Record<string, string>> = { "\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f" }

/**
 * The source of a regular expression that finds a text in all forms in which messages quote it: as it is, escaped for
 * JSON or a string, for URLs, for HTML, once or several times; and its bytes in hexadecimal or as a list.
 */
export function patternOf(text: string): string {
  const bytes = [...Buffer.from(text.toWellFormed())]
  const lists = text.length <= longest && bytes.length > 5 ? [hexPattern(bytes), bytes.join(",\\s*")] : []
  return [textPattern(text), ...lists].join("|")
}

function textPattern(text: string): string {
  if (text.length <= longest) return (text.match(/\\+|[^\\]/gu) ?? []).map(characterPattern).join("")
  const forms = [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(text.toWellFormed())]
  return [...new Set(forms)].map(escaped).join("|")
}

function characterPattern(character: string): string {
  if (/[A-Za-z0-9]/.test(character)) return character
  // Several of them are one piece: one after the other, each would try all lengths of the others.
  if (character.startsWith("\\")) {
    const count = character.length
    return `(?:\\\\{${count},${count * mostBackslashes}}|(?:${percentPattern("\\")}){${count}})`
  }
  const forms = [escaped(character), percentPattern(character)]
  for (const unit of character.split("")) {
    if (character.length === 1) forms.push(`u${anyCase(unit.charCodeAt(0).toString(16).padStart(4, "0"))}`)
  }
  if (character === " ") forms.push("\\+")
  if (Object.hasOwn(entities, character)) forms.push(`&${entities[character]};`)
  if (Object.hasOwn(escapes, character)) forms.push(escapes[character]!)
  return `\\\\{0,${mostBackslashes}}(?:${forms.join("|")})`
}

/** `%40`, and `%2540` where it was encoded twice. */
function percentPattern(character: string): string {
  const bytes = [...Buffer.from(character.toWellFormed())]
  return bytes.map((byte) => `%(?:25)*${anyCase(hex(byte))}`).join("")
}

function hexPattern(bytes: readonly number[]): string {
  return bytes.map((byte) => anyCase(hex(byte))).join(" ?")
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0")
}

function anyCase(digits: string): string {
  return digits.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)
}

/** A text as a regular expression. */
export function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replace(/[-]/g, "\\x2d")
}

/**
 * What base64 of anything that holds the text must contain, wherever in it the text begins: `user:password`, a header, a
 * whole configuration.
 */
export function base64Cores(text: string): readonly string[] {
  const bytes = Buffer.from(text.toWellFormed())
  const cores = new Set<string>()
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "")
    // The first characters hold bits of what stands before, and the last of what follows.
    const begin = before === 0 ? 0 : before + 1
    const end = Math.floor(((before + bytes.length) * 8) / 6)
    const core = encoded.slice(begin, end)
    if (core.length < shortestBase64) continue
    cores.add(core)
    cores.add(core.replaceAll("+", "-").replaceAll("/", "_"))
  }
  return [...cores]
}
