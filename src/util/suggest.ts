import { closest, distance } from "fastest-levenshtein"

/** The known name that was probably meant, if one is near enough. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const lower = name.toLowerCase()
  const guess = closest(lower, known as string[])
  const near = distance(lower, guess.toLowerCase()) <= Math.max(1, Math.floor(name.length / 3))
  return near || sorted(lower) === sorted(guess.toLowerCase()) ? guess : undefined
}

/** Two letters in the wrong order are one slip of the fingers, though two edits. */
function sorted(text: string): string {
  return [...text].sort().join("")
}

/** `Did you mean "pets"?`, or nothing. */
export function didYouMean(name: string, known: readonly string[]): string {
  const guess = nearest(name, known)
  return guess === undefined ? "" : `Did you mean ${JSON.stringify(guess)}?`
}
