import { isMooringError } from "../errors.ts"
import type { Table } from "../tables/index.ts"
import { channels } from "../util/tracing.ts"
import type { RecordStream } from "./dialect.ts"

/** When a stream that somebody observes has ended: rejects with its failure. */
const ends = new WeakMap<RecordStream, Promise<void>>()

/**
 * The same stream; where somebody listens to the channel, one whose end can be waited for by {@link streamEnd}.
 *
 * @param translate makes a driver's error one of ours.
 */
export function noticed(
  records: RecordStream,
  signal: AbortSignal,
  translate: (error: unknown) => unknown,
): RecordStream {
  if (!channels.query.hasSubscribers) return records
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // A disposal is an end like any other.
  const finish = () => (isGivenUp(signal) ? reject(signal.reason) : resolve())
  const fail = (error: unknown): never => {
    if (!signal.aborted) reject(translate(error))
    else finish()
    throw error
  }
  const told: RecordStream = {
    schema: records.schema,
    [Symbol.asyncIterator](): AsyncIterator<Table> {
      const batches = records[Symbol.asyncIterator]()
      return {
        async next() {
          const step = await batches.next().catch(fail)
          if (step.done) finish()
          return step
        },
        async return() {
          try {
            return (await batches.return?.()) ?? { done: true, value: undefined }
          } finally {
            finish()
          }
        },
      }
    },
  }
  // Nobody may be listening any more.
  promise.catch(() => undefined)
  ends.set(told, promise)
  return told
}

/** When the stream has ended; rejects with its failure. At once where nobody listened when it began. */
export function streamEnd(records: RecordStream): Promise<void> {
  return ends.get(records) ?? Promise.resolve()
}

function isGivenUp(signal: AbortSignal): boolean {
  return signal.aborted && !isMooringError(signal.reason, "SESSION_STATE")
}
