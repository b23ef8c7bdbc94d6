import stringWidth from "fast-string-width"

/**
 * Text that a terminal shows and does not obey: control characters and escape sequences, characters that turn the
 * direction of writing, and invisible ones are written as escapes (`\n`, `\x1b`, `\u202e`).
 */
export function escapeControls(text: string): string {
  return text.replace(unsafe, (char) => {
    const named = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[char]
    if (named !== undefined) return named
    const code = char.codePointAt(0)!
    if (code < 256) return `\\x${code.toString(16).padStart(2, "0")}`
    return code < 65_536 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`
  })
}

// Controls (Cc); line and paragraph separators; surrogates without their half (Cs); and of the format characters (Cf) all but
// the two joiners, which emoji and several scripts need.
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu

/** Made when first needed: it costs more than the rest of this module. */
let segmenter: Intl.Segmenter | undefined

/** At most `width` columns of a terminal, the last of them `…` where something was cut off. */
export function clip(text: string, width: number): string {
  // A cell of megabytes is not measured to its end.
  const head = text.length > width * 16 ? text.slice(0, width * 16) : text
  if (head.length === text.length && stringWidth(text) <= width) return text
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" })
  let clipped = ""
  let used = 0
  for (const { segment } of segmenter.segment(head)) {
    const next = used + stringWidth(segment)
    if (next > width - 1) break
    clipped += segment
    used = next
  }
  return `${clipped}…`
}

/** Filled with spaces to `width` columns of a terminal. */
export function pad(text: string, width: number, align: "left" | "right"): string {
  const spaces = " ".repeat(Math.max(0, width - stringWidth(text)))
  return align === "left" ? text + spaces : spaces + text
}

/** `1 row`, `99,990 rows`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`
}
