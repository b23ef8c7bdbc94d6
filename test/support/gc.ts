import { setImmediate as turn } from "node:timers/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
const gc = runInNewContext("gc") as () => void

/**
 * Collects garbage until a weak reference is empty. False when the object is still held after a number of rounds: then
 * something holds it.
 */
export async function isCollected(reference: WeakRef<object>): Promise<boolean> {
  for (let round = 0; round < 50; round++) {
    await turn()
    gc()
    if (reference.deref() === undefined) return true
  }
  return false
}

/** Bytes of the heap and of what is outside of it, after garbage was collected. */
export async function memoryInUse(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    await turn()
    gc()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
