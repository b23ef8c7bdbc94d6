/** One comparison: what is measured on each side, and which figures it comes to. */
export interface Case {
  /** What is done, one line. */
  readonly title: string
  /** What one run is counted in; default milliseconds. */
  readonly unit?: "ms" | "µs" | "executions"
  /**
   * How many rounds there are for each of other cases; default 1. More for what waits most of its time: where the system
   * puts two processes weighs as much there as what they do.
   */
  readonly roundsFactor?: number
  /** Made once, for all sides. @throws Absent where this machine does not have what it takes. */
  prepare?(folder: string): Promise<Prepared>
  /** Undoes what `prepare` did beyond the folder. */
  finish?(given: string): Promise<void>
  /** By name; those of ours begin with `mooring`. Each runs in a process of its own. */
  readonly sides: Readonly<Record<string, (given: string) => Promise<Side | Sample>>>
  readonly figures: readonly Figure[]
  /** Which chart shows it, and what it is called there. */
  readonly chart?: { readonly name: "reading" | "small"; readonly title: string }
}

/** What all sides work on. */
export interface Prepared {
  /** Handed to every side: the path of a file, or the address of a server as JSON. */
  readonly given: string
  /** Name and version of the server. */
  readonly server?: string
}

/** One side, ready to run. */
export interface Side {
  /** Runs once. Gives the result itself where the whole run is not what counts; in the case's unit. */
  run(): Promise<number | undefined>
  /** Lets go of what would keep the process alive. */
  close?(): Promise<void>
  /** True where another process does the work, so that nothing is known of its memory. */
  readonly elsewhere?: boolean
  /** Of the driver or library, with its name. */
  readonly version?: string
  /** How often to run unmeasured at first; default 1. */
  readonly warmUps?: number
  /** How often to run in one process; the median counts. Default 1. */
  readonly repetitions?: number
}

/** What one process measured. Sides that are no Node programs measure themselves. */
export interface Sample {
  readonly time: number
  readonly peakMB?: number
  readonly version?: string
}

/** What sides come to: one of them, one divided by another, or one less another. */
export interface Figure {
  readonly title: string
  readonly over: string
  readonly under?: string
  readonly as?: "ratio" | "difference"
  readonly of?: "time" | "peakMB"
  /** What it is meant to be. */
  readonly bar?: { readonly atLeast: number } | { readonly atMost: number }
}

/** This machine does not have what a side or a case needs: the rest goes on without it. */
export class Absent extends Error {
  override readonly name = "Absent"
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}
