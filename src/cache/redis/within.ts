/** What waits too long. */
export class Late extends Error {}

/**
 * The promise's answer, or {@link Late} after `ms`; what it answers later is dropped.
 *
 * @param isBusy whether answers to others came meanwhile: then it waits on, at most three times as long.
 */
export function within<T>(ms: number, promise: Promise<T>, isBusy: () => boolean = () => false): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let extensions = 3
    let settled = false
    let timer: NodeJS.Timeout | undefined
    // After a long turn of this process' own, timers come before what has arrived meanwhile.
    const wait = () => (timer = setTimeout(() => setImmediate(expire), Math.min(ms, 2 ** 31 - 1)))
    function expire(): void {
      if (settled) return
      if (extensions-- > 0 && isBusy()) wait()
      else reject(new Late(`no answer within ${Math.round(ms)} ms`))
    }
    const done = () => {
      settled = true
      clearTimeout(timer)
    }
    wait()
    promise.finally(done).then(resolve, reject)
  })
}
