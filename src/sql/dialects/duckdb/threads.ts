import { processGlobal } from "../../../util/globals.ts"

/**
 * The driver's work blocks threads of libuv's pool, which has four unless `UV_THREADPOOL_SIZE` says otherwise. Files and
 * DNS need the same threads: with all of them at work, a `readFile` would wait for a query. So one stays free.
 */
interface Threads {
  busy: number
  readonly waiting: Set<() => void>
}

const threads = processGlobal<Threads>("duckdb.threads@1", () => ({ busy: 0, waiting: new Set() }))

/** Takes a thread, or waits for one; rejects with `signal.reason` if the signal aborts first. */
export function takeThread(signal?: AbortSignal): Promise<void> | undefined {
  if (threads.busy < limit()) {
    threads.busy++
    return undefined
  }
  return new Promise<void>((resolve, reject) => {
    const take = () => {
      signal?.removeEventListener("abort", leave)
      resolve()
    }
    const leave = () => {
      threads.waiting.delete(take)
      reject(signal!.reason)
    }
    threads.waiting.add(take)
    signal?.addEventListener("abort", leave, { once: true })
  })
}

/** Gives the thread to whoever waits longest. */
export function returnThread(): void {
  for (const take of threads.waiting) {
    threads.waiting.delete(take)
    take()
    return
  }
  threads.busy--
}

function limit(): number {
  const size = Number(process.env.UV_THREADPOOL_SIZE)
  return Math.max(1, (Number.isInteger(size) && size > 0 ? size : 4) - 1)
}

/** Runs one native call on a thread of its own. */
export async function onThread<T>(start: () => Promise<T>): Promise<T> {
  await takeThread()
  try {
    return await start()
  } finally {
    returnThread()
  }
}
