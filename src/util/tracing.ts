import { type TracingChannel, tracingChannel } from "node:diagnostics_channel"

/** What Mooring's tracing channels carry. Never a secret, never a parameter's value. */
export interface TraceEvent {
  readonly connection: string
  readonly [detail: string]: unknown
}

const channel = (name: string): TracingChannel<object, TraceEvent & object> =>
  tracingChannel<object, TraceEvent & object>(`mooring:${name}`) as never

/**
 * The `node:diagnostics_channel` tracing channels, for OpenTelemetry and the command line.
 *
 * Each publishes `start`, `end`, `asyncStart`, `asyncEnd` and `error` with one {@link TraceEvent}.
 */
export const channels = {
  connect: channel("connect"),
  query: channel("query"),
  cache: channel("cache"),
  reset: channel("reset"),
}

/**
 * Runs `work`, told on the channel when somebody listens, at no cost when nobody does.
 *
 * @param until when what the result began has ended, and the event with it; the caller does not wait for that.
 */
export function traced<T>(
  on: keyof typeof channels,
  event: () => TraceEvent,
  work: () => Promise<T>,
  until?: (result: T) => Promise<void>,
): Promise<T> {
  if (!channels[on].hasSubscribers) return work()
  return until ? tellUntil(channels[on], event, work, until) : tell(channels[on], event, work)
}

type Channel = TracingChannel<object, TraceEvent & object>

async function tell<T>(target: Channel, event: () => TraceEvent, work: () => Promise<T>): Promise<T> {
  let result: T
  // Node puts what the promise gives on the event: rows, or an engine with its password, are nobody's who listens.
  await target.tracePromise(async () => {
    result = await work()
  }, event() as never)
  return result!
}

function tellUntil<T>(
  target: Channel,
  event: () => TraceEvent,
  work: () => Promise<T>,
  until: (result: T) => Promise<void>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const whole = target.tracePromise(async () => {
      const result = await work()
      resolve(result)
      await until(result)
    }, event() as never)
    whole.catch(reject)
  })
}
