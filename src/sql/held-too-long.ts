import { fileURLToPath } from "node:url"
import { longestTimer } from "../util/abort.ts"
import { warn } from "../util/warn.ts"
import type { RecordStream } from "./dialect.ts"
import type { Borrowed } from "./engine.ts"
import type { OpenStream } from "./table-stream.ts"

/** Who holds a connection, and from when on that is too long. */
export interface HolderOptions {
  /** The connection's name. */
  readonly connection: string
  /** Milliseconds; `Infinity`: never. */
  readonly limit: number
}

/** How many calls the stack is followed down: deep enough to leave our own. */
const depth = 30

/**
 * Remembers who calls. What it gives is laid around each connection that the caller borrows: the first that is not given
 * back within the limit is a process warning. It shows the caller's place in the program, and nothing of any statement.
 */
export function holder({ connection, limit }: HolderOptions): (borrowed: Borrowed) => Borrowed {
  if (!(limit <= longestTimer)) return (borrowed) => borrowed
  const stack = takeStack()
  let told = false
  const tell = () => {
    if (!told) tellOf(connection, limit, placeIn(stack.stack ?? ""))
    told = true
  }
  return (borrowed) => {
    const timer = setTimeout(tell, limit)
    timer.unref()
    return {
      ...borrowed,
      release: (used) => {
        clearTimeout(timer)
        return borrowed.release(used)
      },
    }
  }
}

/**
 * The same for streams: what it gives is laid around one that has begun. One that nobody reads on for the limit is a
 * process warning, once; however long a stream takes, one that is read is none.
 */
export function streamHolder({ connection, limit }: HolderOptions): (stream: OpenStream) => OpenStream {
  if (!(limit <= longestTimer)) return (stream) => stream
  const stack = takeStack()
  return ({ records, release }) => {
    let told = false
    const tell = () => {
      if (!told) tellOfStream(connection, limit, placeIn(stack.stack ?? ""))
      told = true
    }
    let timer: NodeJS.Timeout | undefined
    const wait = () => {
      timer = setTimeout(tell, limit)
      timer.unref()
    }
    wait()
    const watched: RecordStream = {
      schema: records.schema,
      [Symbol.asyncIterator]() {
        const batches = records[Symbol.asyncIterator]()
        return {
          async next() {
            // A database that takes its time is no reader that has left.
            clearTimeout(timer)
            const step = await batches.next()
            if (!step.done) wait()
            return step
          },
          return: async () => (await batches.return?.()) ?? { done: true, value: undefined },
        }
      },
    }
    return {
      records: watched,
      // The batches have ended by now.
      release: () => {
        clearTimeout(timer)
        return release()
      },
    }
  }
}

function tellOf(connection: string, limit: number, place: string): void {
  warn(
    `A session of connection "${connection}" has kept a connection of the pool for more than ${limit / 1000} s. It was opened ${place}. Dispose of sessions when they are done (await using), or raise leak_warning.`,
  )
}

function tellOfStream(connection: string, limit: number, place: string): void {
  warn(
    `A stream of connection "${connection}" has not been read for more than ${limit / 1000} s and keeps a connection of the pool. It was opened ${place}. Read it to its end, leave the loop or dispose of it (await using), or raise leak_warning.`,
  )
}

/** Only taken, which is cheap; it becomes text when somebody asks. */
function takeStack(): { stack?: string } {
  const taken: { stack?: string } = {}
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = depth
  Error.captureStackTrace(taken, takeStack)
  Error.stackTraceLimit = stackTraceLimit
  return taken
}

/** The folder of our own files: `src`, or the package. */
const ours = slashed(fileURLToPath(new URL("..", import.meta.url)))

/** The first line of a stack that is not ours: `at openReport (file:///app/report.ts:12:30)`. */
function placeIn(stack: string): string {
  const lines = stack.split("\n").flatMap((line) => /^\s+(at .*:\d+:\d+\)?)$/.exec(line)?.[1] ?? [])
  const own = (line: string) => slashed(line).includes(ours) || line.includes("node:")
  return lines.find((line) => !own(line)) ?? "at a place that is not known"
}

function slashed(path: string): string {
  return path.replaceAll("\\", "/")
}
