import type { Statement } from "./dialect.ts"

/** A text of the server's quotes in any of the ways that its languages have. */
const quoted = /"[^"]*"|'[^']*'|`[^`]*`|»[^«]*«|«[^»]*»|„[^“”]*[“”]|“[^”]*”/gs

/** Shorter values are only looked for between quotes: they are parts of too many words. */
const shortest = 4

/**
 * Takes the values of a statement's parameters out of what a database says of it, in whatever language. What stands in
 * the statement's text as well is no secret, and stays.
 */
export function redactValues(said: string, { text, values }: Pick<Statement, "text" | "values">): string {
  // PostgreSQL quotes an array as one literal, with quotes inside.
  const bare = values.some(Array.isArray) ? said.replace(/"\{.*\}"/gs, '"…"') : said
  const secrets = textsOf(values).filter((value) => value !== "" && !text.includes(value))
  if (secrets.length === 0) return bare
  const isSecret = (part: string) =>
    !text.includes(part) && secrets.some((value) => part.includes(value) || (part.length > 1 && value.includes(part)))
  let shown = bare.replace(quoted, (whole) => (isSecret(whole.slice(1, -1)) ? `${whole[0]}…${whole.at(-1)}` : whole))
  for (const value of secrets) if (value.length >= shortest) shown = shown.replaceAll(value, () => "…")
  return shown
}

function textsOf(values: readonly unknown[]): string[] {
  return values.flatMap((value): string[] => {
    if (Array.isArray(value)) return textsOf(value)
    if (typeof value === "string") return [value]
    return typeof value === "number" || typeof value === "bigint" ? [String(value)] : []
  })
}
