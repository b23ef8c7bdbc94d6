/** Why a name cannot be a section's; undefined if it can. */
export function nameProblem(name: string): string | undefined {
  return /^[\w-]+$/.test(name) ? undefined : "A name has letters, digits, - and _."
}
