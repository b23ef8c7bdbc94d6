/** All that stands in quotes, from the first to the last. German has a stray quote before a column's name. */
const allQuoted = /^([^']*)'.*'(?!`)(.*)$/s
/** The same but for the last name: a key. */
const beforeKey = /^([^']*)'.*'([^']*'[^']*'[^']*)$/s

/**
 * Where messages quote a value, found by its place among the quotes: the words are in the language of `lc_messages`. Of an
 * error of syntax the quoted text is the statement's, which has no values.
 */
const quoting: Readonly<Record<number, RegExp>> = {
  1062: beforeKey,
  1292: allQuoted,
  1366: allQuoted,
  1411: allQuoted,
  1525: allQuoted,
  1526: /^(\D*)-?\d+(.*)$/s,
  1586: beforeKey,
  1690: allQuoted,
  1761: /^([^']*'[^']*'[^']*)'.*'((?:[^']*'[^']*'){2}[^']*)$/s,
  1762: /^([^']*'[^']*'[^']*)'.*'([^']*)$/s,
}

/** A server's message without the values that it quotes. */
export function withoutValues(message: string, errno: number | undefined): string {
  const rule = errno === undefined ? undefined : quoting[errno]
  return rule === undefined ? message : message.replace(rule, "$1'…'$2")
}
