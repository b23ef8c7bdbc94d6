const usualMs = 500
const soonMs = 100

/**
 * Calls `look` again and again, and never keeps the process alive.
 *
 * Looking at a handful of file states twice a second is what works everywhere: notifications (`fs.watch`) do not come
 * from network drives, bind mounts and many containers, cannot watch a folder that does not exist yet, and lose track of
 * a file that is replaced.
 *
 * @param look resolves to true if it wants to be called again soon. It does not reject.
 */
export class Poller {
  readonly #look: () => Promise<boolean>
  #timer: NodeJS.Timeout | undefined
  #running = false

  constructor(look: () => Promise<boolean>) {
    this.#look = look
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    this.#schedule(usualMs)
  }

  stop(): void {
    this.#running = false
    clearTimeout(this.#timer)
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(async () => {
      const soon = await this.#look()
      if (this.#running) this.#schedule(soon ? soonMs : usualMs)
    }, ms).unref()
  }
}
