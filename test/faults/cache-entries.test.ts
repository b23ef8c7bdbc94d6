import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { createClient, RESP_TYPES } from "redis"
import { expect, onTestFinished, test } from "vitest"
import type { CacheKey, CacheStore, Codec } from "../../src/cache/contract.ts"
import { DiskStore } from "../../src/cache/disk.ts"
import { redisStore } from "../../src/cache/redis/deferred-store.ts"
import { tableCodec } from "../../src/core/table-codec.ts"
import { type Table, tableFromRows } from "../../src/tables/index.ts"
import { killWriters } from "../cache/killed-writers.ts"
import { newRedis } from "../support/redis-database.ts"
import { testWith } from "../support/server-test.ts"
import { record } from "./report.ts"

const withRedis = testWith("redis")
const key: CacheKey = { scope: "source", group: "select * from owners", id: "[]" }
const rows = Array.from({ length: 20 }, (_, id) => ({ id, name: `owner ${id}` }))

/** Stores a table, damages its bytes in every way, and counts what was read that should not have been. */
async function damage(store: CacheStore, entry: { read(): Promise<Buffer>; write(bytes: Buffer): Promise<unknown> }) {
  const told: Codec<Table> = tableCodec
  const epoch = await store.epoch(key)
  const value = tableFromRows(rows)
  await store.set(key, { value, storedAt: Date.now(), expiresAt: Number.POSITIVE_INFINITY, epoch, bytes: 1 }, told)
  const whole = await entry.read()
  expect((await store.get(key, told))?.value.toArray()).toEqual(rows)
  let provoked = 0
  let lost = 0
  const tryWith = async (bytes: Buffer) => {
    provoked++
    await entry.write(bytes)
    if ((await store.get(key, told)) !== undefined) lost++
  }
  for (let length = 0; length < whole.length; length++) await tryWith(whole.subarray(0, length))
  for (let at = 0; at < whole.length; at++) {
    const bytes = Buffer.from(whole)
    bytes[at]! ^= 1 << (at % 8)
    await tryWith(bytes)
  }
  await tryWith(Buffer.concat([whole, Buffer.from("x")]))
  await entry.write(whole)
  expect((await store.get(key, told))?.value.toArray()).toEqual(rows)
  return { provoked, lost }
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "mooring-entries-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }), 120_000)
  return folder
}

const what = "entries cut at each byte, and with a bit flipped in each byte"

test("R23 a torn or tampered entry on disk is a miss", async () => {
  const folder = join(temporaryFolder(), "cache")
  const entries = join(folder, "v1", "entries")
  let path = ""
  const toll = await damage(new DiskStore({ folder }), {
    async read() {
      const files = readdirSync(entries, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
      path = join(files[0]!.parentPath, files[0]!.name)
      return readFileSync(path)
    },
    write: async (bytes) => writeFileSync(path, bytes),
  })
  record({ promise: "R23", dialect: "disk", what, ...toll })
  expect(toll.lost).toBe(0)
}, 120_000)

withRedis(
  "R23 a torn or tampered entry in Redis is a miss",
  async () => {
    const { url } = await newRedis()
    const client = await createClient({ url }).connect()
    onTestFinished(() => client.destroy())
    const store = redisStore({ url, timeout: 10 })
    onTestFinished(() => store.close?.() as Promise<void>)
    const name = async () => (await client.keys("mooring:v:*"))[0]!
    const asBytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
    const toll = await damage(store, {
      read: async () => (await asBytes.hGet(await name(), "v")) as unknown as Buffer,
      write: async (bytes) => client.hSet(await name(), "v", bytes),
    })
    record({ promise: "R23", dialect: "redis", what, ...toll })
    expect(toll.lost).toBe(0)
  },
  120_000,
)

withRedis(
  "R23 the fields around an entry in Redis may hold anything",
  async () => {
    const { url } = await newRedis()
    const client = await createClient({ url }).connect()
    onTestFinished(() => client.destroy())
    const store = redisStore({ url, timeout: 10 })
    onTestFinished(() => store.close?.() as Promise<void>)
    const epoch = await store.epoch(key)
    const value = tableFromRows(rows)
    const put = () =>
      store.set(key, { value, storedAt: Date.now(), expiresAt: Date.now() + 60_000, epoch, bytes: 1 }, tableCodec)
    let provoked = 0
    const field = fc.constantFrom("e", "n", "b", "v")
    const content = fc.oneof(
      fc.string(),
      fc.constantFrom("-1", "0", "1e9", "99999999999999999999", "nan", "inf", "0x10"),
    )
    await fc.assert(
      fc.asyncProperty(field, content, async (name, text) => {
        await client.sendCommand(["UNLINK", "none", ...(await client.keys("mooring:v:*"))])
        await put()
        const [entry] = await client.keys("mooring:v:*")
        await client.hSet(entry!, name, text)
        provoked++
        // A miss or, where the field does not matter, the value; an error is a miss to whoever asks through the cache.
        const read = await (async () => store.get(key, tableCodec))().catch(() => undefined)
        if (read) expect(read.value.toArray()).toEqual(rows)
      }),
      { numRuns: 500 },
    )
    record({ promise: "R23", dialect: "redis", what: "entries whose fields hold something else", provoked, lost: 0 })
  },
  120_000,
)

test("R24 writers that are killed give no reader a bad entry", async () => {
  const { kills, reads, torn } = await killWriters(500)
  record({
    promise: "R24",
    dialect: "disk",
    what: "writers killed by -9",
    provoked: kills,
    lost: torn,
    note: `${reads} reads`,
  })
  expect(reads).toBeGreaterThan(kills)
  expect(torn).toBe(0)
}, 1_800_000)

const part = fc.oneof(
  fc.constantFrom("../../../../etc/passwd", "/etc/passwd", "..", ".", "", "a\0b", "CON", "a/b", "a\\b", "\ud800"),
  fc.constantFrom("{", "}", "{a}", "*", "\r\nFLUSHALL\r\n", "mooring:v:", "a:b"),
  fc.string({ unit: "binary", maxLength: 300 }),
)
const hostileKeys = () => fc.sample(fc.record({ scope: part, group: part, id: part }), 10_000)
const textOf = ({ scope, group, id }: CacheKey) => JSON.stringify([scope, group, id])
const text: Codec<string> = {
  id: "text",
  encode: (value) => Buffer.from(value, "utf8"),
  decode: (bytes) => Buffer.from(bytes).toString("utf8"),
}

/** Stores under each key, reads each, and counts what came back wrong. */
async function useKeys(store: CacheStore, keys: readonly CacheKey[]): Promise<number> {
  let lost = 0
  for (const each of keys) {
    const epoch = await store.epoch(each)
    const value = textOf(each)
    await store.set(each, { value, storedAt: Date.now(), expiresAt: Date.now() + 600_000, epoch, bytes: 1 }, text)
  }
  for (const each of keys) if ((await store.get(each, text))?.value !== textOf(each)) lost++
  return lost
}

test("R25 no key leads out of the cache's folder", async () => {
  const base = temporaryFolder()
  const keys = hostileKeys()
  const lost = await useKeys(new DiskStore({ folder: join(base, "cache") }), keys)
  const entries = join(base, "cache", "v1", "entries")
  const files = readdirSync(entries, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const names = files.map((file) => join(file.parentPath, file.name).slice(entries.length))
  const outside = names.filter((name) => !/^\/[\w-]{43}\/[\w-]{16}\.[\w-]{43}$/.test(name)).length
  record({ promise: "R25", dialect: "disk", what: "hostile keys", provoked: keys.length, lost: lost + outside })
  expect({ lost, outside, beside: readdirSync(base) }).toEqual({ lost: 0, outside: 0, beside: ["cache"] })
}, 600_000)

withRedis(
  "R25 no key leads out of the prefix",
  async () => {
    const { url } = await newRedis()
    const client = await createClient({ url }).connect()
    onTestFinished(() => client.destroy())
    await client.set("somebody's", "own")
    const store = redisStore({ url, prefix: "p:", timeout: 10 })
    onTestFinished(() => store.close?.() as Promise<void>)
    const keys = hostileKeys()
    const lost = await useKeys(store, keys)
    const names = await client.keys("*")
    const outside = names.filter((name) => !/^p:[ev]:\{[\w-]{22}\}(:[\w-]{22})?$/.test(name))
    record({
      promise: "R25",
      dialect: "redis",
      what: "hostile keys",
      provoked: keys.length,
      lost: lost + outside.length - 1,
    })
    expect({ lost, outside }).toEqual({ lost: 0, outside: ["somebody's"] })
    await store.clear()
    expect(await client.keys("*")).toEqual(["somebody's"])
  },
  600_000,
)
