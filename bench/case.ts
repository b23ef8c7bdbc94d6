/** One comparison: what is measured on each side, and which ratios it comes to. */
export interface Case {
  readonly name: string
  /** What is done, one line. */
  readonly title: string
  /** What one run is counted in; default milliseconds a run. */
  readonly unit?: "ms" | "µs"
  /** False where the process that measures is not the one that works. */
  readonly memory?: boolean
  /** Made once, handed to every side: the path of a file, for instance. */
  prepare?(folder: string): Promise<string>
  /** Undoes what `prepare` did beyond the folder. */
  finish?(prepared: string): Promise<void>
  /** By name. Ours comes first. Each runs in a process of its own. */
  readonly sides: Readonly<Record<string, (prepared: string) => Promise<Side>>>
  readonly ratios: readonly Ratio[]
}

/** One side, ready to run. */
export interface Side {
  /** Runs once. Gives the time itself where the whole run is not what counts; in the case's unit. */
  run(): Promise<number | undefined>
  /** Lets go of what would keep the process alive. */
  close?(): Promise<void>
  /** Of the driver or library. */
  readonly version?: string
  /** How often to run after one warm-up; the median counts. Default 3. */
  readonly repetitions?: number
}

/** `over` divided by `under`. */
export interface Ratio {
  readonly title: string
  readonly over: string
  readonly under: string
  readonly of?: "time" | "peakMB"
  /** What it is meant to be. */
  readonly bar?: { readonly atLeast: number } | { readonly atMost: number }
}

/** What one process measured. */
export interface Sample {
  readonly time: number
  readonly peakMB: number
  readonly version?: string
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}
