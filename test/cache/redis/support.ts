import { randomUUID } from "node:crypto"
import { createClient } from "redis"
import { onTestFinished } from "vitest"
import { Cache } from "../../../src/cache/cached.ts"
import type { CacheStore } from "../../../src/cache/contract.ts"
import type { CacheEvent } from "../../../src/cache/events.ts"
import type { ReadOptions } from "../../../src/cache/read-options.ts"
import { redisStore } from "../../../src/cache/redis/deferred-store.ts"
import type { RedisOptions } from "../../../src/cache/redis/options.ts"
import { redisServer } from "../../support/redis-database.ts"
import { keyOf } from "../support.ts"
import { textCodec } from "../text-codec.ts"

/** A store with a prefix that no other test has, and a deadline that a busy machine keeps, unless `options` say otherwise. */
export async function openStore(options: Partial<RedisOptions> = {}): Promise<Required<CacheStore>> {
  const { url } = await redisServer()
  const store = redisStore({ url, prefix: `${randomUUID()}:`, timeout: "30s", ...options }) as Required<CacheStore>
  onTestFinished(() => store.close())
  return store
}

/** What an operator sees: a client of node-redis without anything of Mooring's. */
export async function openClient(url?: string) {
  const client = createClient({ url: url ?? (await redisServer()).url })
  client.on("error", () => undefined)
  await client.connect()
  onTestFinished(() => client.destroy())
  return client
}

/** One process: a cache with a memory of its own over a store of its own. */
export function processWith(store: Required<CacheStore>) {
  const events: CacheEvent[] = []
  const cache = new Cache({ onEvent: (event) => events.push(event) })
  let executions = 0
  const options = (more: Partial<ReadOptions<unknown>> = {}): ReadOptions<unknown> => ({
    ttl: 60_000,
    sizeOf: () => 10,
    codec: textCodec,
    store,
    ...more,
  })
  const read = (name: string, more: Partial<ReadOptions<unknown>> = {}, id = "a") =>
    cache.read(keyOf(id), options(more), async () => `${name}${++executions}`)
  return { cache, events, read, options, store, executions: () => executions }
}
