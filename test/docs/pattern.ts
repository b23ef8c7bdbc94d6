/** `…` stands for anything on its line; lines may end in white space. */
export function pattern(expected: string): RegExp {
  const lines = expected.trim().split("\n")
  const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
  const patterns = lines.map((line) => line.trimEnd().split("…").map(escaped).join(".*"))
  // A step that took long enough says how long: on a busy machine, any of them.
  const lineEnd = "(?: \\(\\d+ ms\\))?\\s*"
  return new RegExp(`^\\s*${patterns.join(`${lineEnd}\\n`)}${lineEnd}$`)
}
