import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decodeFile, encodeFile } from "../../src/cache/disk-format.ts"
import { defaultCacheFolder } from "../../src/cache/private-folder.ts"

describe("a cache file", () => {
  it("R23 survives files with good checksums and bad contents", () => {
    const header = { key: "k", codec: "c", storedAt: 1, expiresAt: Number.POSITIVE_INFINITY, epoch: "", bytes: 1 }
    const file = (change: object) =>
      new Uint8Array(Buffer.concat(encodeFile({ ...header, ...change }, new Uint8Array(3))))
    expect(decodeFile(file({}))).toMatchObject({ header, payload: new Uint8Array(3) })
    for (const change of [{ key: 1 }, { codec: null }, { storedAt: "1" }, { epoch: [] }, { bytes: {} }]) {
      expect(decodeFile(file(change))).toBeUndefined()
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void expect(decodeFile(bytes)).toBeUndefined()))
  })
})

describe("defaultCacheFolder", () => {
  it("is in the user's cache folder, one for each project", () => {
    const env = { XDG_CACHE_HOME: "/x" }
    expect(defaultCacheFolder("/home/ada/shop", env)).toMatch(/^\/x\/mooring\/shop-[\w-]{12}$/)
    expect(defaultCacheFolder("/home/ada/shop", env)).not.toBe(defaultCacheFolder("/home/bob/shop", env))
    expect(defaultCacheFolder("/p", {}, "darwin")).toContain(join("Library", "Caches", "mooring"))
    expect(defaultCacheFolder("/p", {}, "linux")).toContain(join(".cache", "mooring"))
    expect(defaultCacheFolder("/p", { LOCALAPPDATA: "/local" }, "win32")).toContain(join("/local", "mooring"))
  })
})
