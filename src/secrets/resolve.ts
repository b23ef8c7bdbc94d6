import { type Data, isTable } from "./guard.ts"
import { isReference } from "./reference.ts"

/**
 * A copy of the values with every reference read, anew at each call. Reads run side by side; the first failure ends the
 * others.
 *
 * @example const options = await resolveReferences(section.values, { signal })
 * @throws MooringError `SECRETS` naming key and source, never the output; `signal.reason` on abort.
 */
export async function resolveReferences(
  values: Data,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Record<string, unknown>> {
  const stop = new AbortController()
  try {
    const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
    return (await resolved(values, either)) as Record<string, unknown>
  } catch (error) {
    stop.abort(error)
    throw error
  }
}

async function resolved(value: unknown, signal: AbortSignal): Promise<unknown> {
  if (isReference(value)) return await value.read({ signal })
  if (Array.isArray(value)) return await Promise.all(value.map((item) => resolved(item, signal)))
  if (!isTable(value)) return value
  const keys = Object.keys(value)
  const items = await Promise.all(keys.map((key) => resolved(value[key], signal)))
  const result: Record<string, unknown> = Object.create(null)
  for (const [index, key] of keys.entries()) result[key] = items[index]
  return result
}
