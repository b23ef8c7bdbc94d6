import { existsSync } from "node:fs"
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { CacheKey, Entry } from "../../src/cache/contract.ts"
import { DiskStore } from "../../src/cache/disk.ts"
import { DiskEpochs } from "../../src/cache/disk-epochs.ts"
import { decodeFile } from "../../src/cache/disk-format.ts"
import { isMooringError } from "../../src/errors.ts"
import { Clock, keyOf } from "./support.ts"
import { textCodec } from "./text-codec.ts"

let base: string
let folder: string

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "mooring-disk-"))
  folder = join(base, "cache")
})
afterEach(() => rm(base, { recursive: true, force: true }))

async function put(
  store: DiskStore,
  key: CacheKey,
  value: unknown,
  more: Partial<Entry<unknown>> = {},
): Promise<boolean> {
  const epoch = await store.epoch(key)
  return store.set(
    key,
    { value, storedAt: 1, expiresAt: Number.POSITIVE_INFINITY, epoch, bytes: 10, ...more },
    textCodec,
  )
}

const get = async (store: DiskStore, key: CacheKey) => (await store.get(key, textCodec))?.value

async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))
}

const entryFiles = () => filesIn(join(folder, "v1", "entries"))

describe("DiskStore", () => {
  it.skipIf(!existsSync("/proc/self/fd"))("fails where no folder can ever be made", { timeout: 20_000 }, async () => {
    for (const place of ["/proc/.cache/mooring/pets", "/dev/null/pets"]) {
      await expect(new DiskStore({ folder: place }).epoch(keyOf("a"))).rejects.toThrow(/ENOENT|ENOTDIR/)
    }
  })

  it("gives another process's store what one has written", async () => {
    const entry = { value: { rows: [1, "é"] }, storedAt: 5, expiresAt: 9e15, bytes: 77 }
    const epoch = await new DiskStore({ folder }).epoch(keyOf("a"))
    await new DiskStore({ folder }).set(keyOf("a"), { ...entry, epoch }, textCodec)
    expect(await new DiskStore({ folder }).get(keyOf("a"), textCodec)).toEqual({ ...entry, epoch })
    expect(await get(new DiskStore({ folder }), keyOf("b"))).toBeUndefined()
  })

  it("B33 honours the time of expiry, and removes what has passed it", async () => {
    const clock = new Clock()
    const store = new DiskStore({ folder, now: clock.now })
    await put(store, keyOf("a"), 1, { expiresAt: clock.time + 1_000 })
    clock.advance(1_000)
    expect(await get(store, keyOf("a"))).toBe(1)
    clock.advance(1)
    expect(await get(store, keyOf("a"))).toBeUndefined()
    expect(await entryFiles()).toEqual([])
  })

  it("R24 lets nobody else read: 0600 in 0700 folders", async () => {
    const store = new DiskStore({ folder })
    await put(store, keyOf("a"), 1)
    await store.invalidate(keyOf("b"))
    for (const file of await filesIn(folder)) expect((await stat(file)).mode & 0o777).toBe(0o600)
    for (const entry of await readdir(base, { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) expect((await stat(join(entry.parentPath, entry.name))).mode & 0o777).toBe(0o700)
    }
    expect(await readdir(join(folder, "v1", "temporary"))).toEqual([])
  })

  it("makes an open folder private, and refuses one that others could have written", async () => {
    await mkdir(folder, { mode: 0o755 })
    await put(new DiskStore({ folder }), keyOf("a"), 1)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    await chmod(folder, 0o777)
    const refused = await get(new DiskStore({ folder }), keyOf("a")).catch((error) => error)
    expect(isMooringError(refused, "CACHE")).toBe(true)
    expect((refused as Error).message).toContain("can be written by other users")
    const link = join(base, "link")
    await symlink(folder, link)
    await expect(get(new DiskStore({ folder: link }), keyOf("a"))).rejects.toThrow("is not a folder")
  })

  it("tries afresh after it could not make its folder", async () => {
    await writeFile(folder, "in the way")
    const store = new DiskStore({ folder })
    await expect(get(store, keyOf("a"))).rejects.toThrow()
    await rm(folder)
    await put(store, keyOf("a"), 1)
    expect(await get(store, keyOf("a"))).toBe(1)
  })

  it("R25 keeps 10,000 hostile keys inside its folder, in names of plain letters", async () => {
    const part = fc.oneof(
      fc.constantFrom("../../../../etc/passwd", "/etc/passwd", "..", ".", "", "a\0b", "CON", "a/b", "a\\b", "\ud800"),
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.constant("x".repeat(5_000)),
    )
    const keys = fc.sample(fc.record({ scope: part, group: part, id: part }), 10_000)
    const store = new DiskStore({ folder })
    const sample = keys.slice(0, 300)
    for (const key of sample)
      await put(
        store,
        key,
        [key.scope, key.group, key.id].map((text) => text.length),
      )
    for (const key of sample) {
      expect(await get(store, key)).toEqual([key.scope, key.group, key.id].map((text) => text.length))
    }
    // The rest are looked up only: a look-up makes the same path, and would meet a file that lies outside.
    for (const key of keys.slice(300)) await store.get(key, textCodec)
    await store.invalidate({ scope: "..", group: ".." })
    await store.invalidate({ scope: "../.." })
    expect(await readdir(base)).toEqual(["cache"])
    for (const file of await entryFiles()) {
      expect(file.slice(folder.length)).toMatch(/^\/v1\/entries\/[\w-]{43}\/[\w-]{16}\.[\w-]{43}$/)
    }
  })

  it("R23 takes a file cut at any byte for a miss, and removes it", async () => {
    const store = new DiskStore({ folder })
    await put(store, keyOf("a"), { rows: "abc" })
    const [path] = await entryFiles()
    const whole = await readFile(path!)
    for (let length = 0; length < whole.length; length++) {
      await writeFile(path!, whole.subarray(0, length))
      expect(await get(store, keyOf("a"))).toBeUndefined()
      expect(await entryFiles()).toEqual([])
    }
    await writeFile(path!, whole)
    expect(await get(store, keyOf("a"))).toEqual({ rows: "abc" })
  })

  it("R23 takes a file with any bit flipped, or anything appended, for a miss", async () => {
    const store = new DiskStore({ folder })
    await put(store, keyOf("a"), { rows: "abc" })
    const [path] = await entryFiles()
    const whole = await readFile(path!)
    const decoded = (bytes: Uint8Array) => decodeFile(bytes) !== undefined
    expect(decoded(whole)).toBe(true)
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const bytes = Buffer.from(whole)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      expect(decoded(bytes)).toBe(false)
    }
    await writeFile(path!, Buffer.concat([whole, Buffer.from([0])]))
    expect(await get(store, keyOf("a"))).toBeUndefined()
  })

  it("R23 takes a file under another entry's name, or of another codec, for a miss", async () => {
    const store = new DiskStore({ folder })
    await put(store, keyOf("a"), "secret of a")
    const [a] = await entryFiles()
    await put(store, keyOf("b"), "b")
    const b = (await entryFiles()).find((file) => file !== a)!
    await copyFile(a!, b)
    expect(await get(store, keyOf("b"))).toBeUndefined()
    expect(await store.get(keyOf("a"), { ...textCodec, id: "other" })).toBeUndefined()
  })

  it("R23 takes what the codec cannot read for a miss", async () => {
    const store = new DiskStore({ folder })
    const broken = { ...textCodec, encode: () => new TextEncoder().encode("{") }
    const epoch = await store.epoch(keyOf("a"))
    const entry = { value: 1, storedAt: 1, expiresAt: Number.POSITIVE_INFINITY, epoch, bytes: 1 }
    await store.set(keyOf("a"), entry, broken)
    expect(await get(store, keyOf("a"))).toBeUndefined()
    expect(await entryFiles()).toEqual([])
  })

  it("gives payloads aligned, so that Arrow can be read in place", async () => {
    const store = new DiskStore({ folder })
    await put(store, keyOf("a"), "x")
    let offset = -1
    const noting = { ...textCodec, decode: (bytes: Uint8Array) => (offset = bytes.byteOffset) }
    await store.get(keyOf("a"), noting)
    expect(offset).toBeGreaterThan(0)
    expect(offset % 64).toBe(0)
  })

  it("invalidates for other processes: an entry, a group or a scope, and no more", async () => {
    const keys = [keyOf("a"), keyOf("b"), keyOf("a", "select 2"), keyOf("a", "select 1", "other")]
    const ranges = [keyOf("a"), { scope: "db", group: "select 1" }, { scope: "db" }]
    for (const [at, range] of ranges.entries()) {
      const here = new DiskStore({ folder })
      const there = new DiskStore({ folder })
      for (const key of keys) await put(here, key, "old")
      const begun = await Promise.all(keys.map((key) => here.epoch(key)))
      await there.invalidate(range)
      const gone = (n: number) => n <= at
      for (const [n, key] of keys.entries()) {
        expect(await get(here, key)).toBe(gone(n) ? undefined : "old")
        // What was begun before it is not kept after it.
        await put(here, key, "late", { epoch: begun[n]! })
        expect(await get(there, key)).toBe(gone(n) ? undefined : "late")
      }
      await here.clear()
    }
  })

  it("does not give an entry whose writing an invalidation overtook", async () => {
    const store = new DiskStore({ folder })
    for (let round = 0; round < 50; round++) {
      const epoch = await store.epoch(keyOf("a"))
      const writing = put(store, keyOf("a"), "begun before", { epoch })
      await new Promise((resolve) => setTimeout(resolve, round % 5))
      await Promise.all([writing, store.invalidate(keyOf("a"))])
      expect(await get(store, keyOf("a"))).toBeUndefined()
    }
  })

  it("never returns to an earlier epoch, also when it folds many of them", async () => {
    const temporary = join(folder, "temporary")
    await mkdir(temporary, { recursive: true })
    let number = 0
    const epochs = new DiskEpochs(join(folder, "epochs"), () => join(temporary, String(number++)), 20)
    const seen = new Set<string>()
    for (let at = 0; at < 60; at++) {
      await epochs.begin({ scope: "db", group: String(at) })
      await epochs.begin(keyOf("a"))
      await epochs.fold()
      for (const file of await readdir(join(folder, "epochs"))) {
        if (at % 3 === 0) await utimes(join(folder, "epochs", file), 1, 1)
      }
      seen.add(await epochs.of(keyOf("a")))
    }
    expect(seen.size).toBe(60)
    expect((await readdir(join(folder, "epochs"))).length).toBeLessThan(60)
  })

  it("stays within its bytes: the oldest go, and what is too large is not kept", async () => {
    const store = new DiskStore({ folder, maxBytes: 10_000 })
    for (let at = 0; at < 30; at++) {
      await put(store, keyOf(String(at)), "x".repeat(900))
      expect((await store.stats()).bytes).toBeLessThanOrEqual(10_000)
    }
    expect(await get(store, keyOf("29"))).toBe("x".repeat(900))
    expect(await get(store, keyOf("0"))).toBeUndefined()
    expect(await put(store, keyOf("large"), "x".repeat(10_000))).toBe(false)
    expect((await store.stats()).evictions).toBeGreaterThan(10)
  })

  it("removes what killed writers left, once it is old", async () => {
    const store = new DiskStore({ folder })
    await put(store, keyOf("a"), 1)
    const left = join(folder, "v1", "temporary", "1-left")
    const young = join(folder, "v1", "temporary", "1-young")
    await writeFile(left, "half")
    await writeFile(young, "half")
    await utimes(left, new Date(), new Date(Date.now() - 3_600_000))
    await put(new DiskStore({ folder }), keyOf("b"), 1)
    expect(await readdir(join(folder, "v1", "temporary"))).toEqual(["1-young"])
  })

  it("forgets everything on clear, also what was begun before", async () => {
    const store = new DiskStore({ folder })
    await put(store, keyOf("a"), 1)
    const epoch = await store.epoch(keyOf("b"))
    await store.clear()
    await put(store, keyOf("b"), 2, { epoch })
    expect(await get(store, keyOf("a"))).toBeUndefined()
    expect(await get(store, keyOf("b"))).toBeUndefined()
  })
})
