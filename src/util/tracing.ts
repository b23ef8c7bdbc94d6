import { type TracingChannel, tracingChannel } from "node:diagnostics_channel"
import { isMooringError } from "../errors.ts"

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
  await traceWithoutValues(target, event, async () => {
    result = await work()
  })
  return result!
}

function tellUntil<T>(
  target: Channel,
  event: () => TraceEvent,
  work: () => Promise<T>,
  until: (result: T) => Promise<void>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const whole = traceWithoutValues(target, event, async () => {
      const result = await work()
      resolve(result)
      await until(result)
    })
    whole.catch(reject)
  })
}

/** Node puts what the promise rejects with on the event, too: there it has no `detail`, and the caller gets it whole. */
async function traceWithoutValues(target: Channel, event: () => TraceEvent, work: () => Promise<void>): Promise<void> {
  let thrown: { readonly error: unknown } | undefined
  try {
    await target.tracePromise(
      () =>
        work().catch((error: unknown) => {
          thrown = { error }
          throw withoutDetail(error)
        }),
      event() as never,
    )
  } catch (error) {
    throw thrown ? thrown.error : error
  }
}

function withoutDetail(error: unknown): unknown {
  if (!isMooringError(error) || !Object.hasOwn(error, "detail")) return error
  const { detail: _, ...rest } = Object.getOwnPropertyDescriptors(error) as PropertyDescriptorMap
  // The engine's own accessor gives a stack for real errors only.
  const stack = { value: error.stack, configurable: true, writable: true }
  return Object.create(Object.getPrototypeOf(error), { ...rest, stack })
}
