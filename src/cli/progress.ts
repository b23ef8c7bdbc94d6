import { paintFor } from "./print.ts"

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
/** What is done sooner needs no sign of life; milliseconds. */
const patience = 300
const frameEvery = 80
const barWidth = 24

/** One line on the terminal's stderr that says that something goes on, for how long, and how far it is. */
export class ProgressLine {
  readonly #label: string
  #began = 0
  #timer: NodeJS.Timeout | undefined
  #state: { fraction?: number; rows?: number } = {}
  #shown = false
  #frame = 0

  constructor(label: string) {
    this.#label = label
    this.start()
  }

  /** Begins anew, after {@link stop}. */
  start(): void {
    this.#began = performance.now()
    if (!process.stderr.isTTY || process.env.TERM === "dumb") return
    this.#timer = setInterval(() => this.#draw(), frameEvery)
    this.#timer.unref()
  }

  update(state: { readonly fraction?: number; readonly rows?: number }): void {
    this.#state = state
  }

  /** Takes the line away. */
  stop(): void {
    clearInterval(this.#timer)
    if (this.#shown) process.stderr.write(`\r\x1b[2K`)
    this.#shown = false
  }

  #draw(): void {
    const elapsed = performance.now() - this.#began
    if (elapsed < patience) return
    const paint = paintFor(process.stderr)
    const { fraction = 0, rows } = this.#state
    const parts = [`${paint.cyan(frames[this.#frame++ % frames.length]!)} ${this.#label}`, seconds(elapsed)]
    if (fraction > 0) parts.push(`${bar(fraction, paint.dim)} ${Math.floor(fraction * 100)} %`)
    if (rows !== undefined) parts.push(`${rows.toLocaleString("en-US")} rows`)
    process.stderr.write(`\r\x1b[2K${parts.join("  ")}`)
    this.#shown = true
  }
}

function seconds(milliseconds: number): string {
  const whole = Math.floor(milliseconds / 1000)
  return whole < 60 ? `${(milliseconds / 1000).toFixed(1)} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}

function bar(fraction: number, dim: (text: string) => string): string {
  const full = Math.round(Math.min(1, fraction) * barWidth)
  return "━".repeat(full) + dim("─".repeat(barWidth - full))
}
