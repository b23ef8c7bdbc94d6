import { type Configuration, currentEnvironment } from "./core/index.ts"
import { type Duration, toMilliseconds } from "./util/duration.ts"

/**
 * Lays settings over those that hold already, key by key. May be called again; later calls win.
 *
 * @returns a function that takes these settings back.
 * @example configure({ types: { github: () => import("./github.ts") }, cache: { ttl: "10m" } })
 */
export function configure(settings: Configuration): () => void {
  return currentEnvironment().configure(settings)
}

/**
 * Closes every connection of the process and releases what `cacheResource` keeps: work in flight has until `timeout` (default 30 s), then it is cut off. A
 * handle that is used afterwards is refused (`CLOSED`); `connection()` makes new ones.
 */
export async function closeAll({ timeout = "30s" }: { timeout?: Duration } = {}): Promise<void> {
  await currentEnvironment().closeAll(toMilliseconds(timeout, "timeout"))
}
