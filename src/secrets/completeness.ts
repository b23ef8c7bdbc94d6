import { type Data, isTable } from "./guard.ts"

/**
 * True if something that was there is gone. A file that is still being written looks just so: keys are missing at its
 * end, or a value is empty.
 */
export function losesSomething(before: unknown, after: unknown): boolean {
  if (isTable(before)) return !isTable(after) || Object.keys(before).some((key) => loses(before, after, key))
  if (Array.isArray(before)) {
    return (
      !Array.isArray(after) || before.some((item, index) => index >= after.length || losesSomething(item, after[index]))
    )
  }
  return after === "" && before !== ""
}

function loses(before: Data, after: Data, key: string): boolean {
  return !(key in after) || losesSomething(before[key], after[key])
}
