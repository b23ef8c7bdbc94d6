import { execFile } from "node:child_process"
import { closeSync, openSync, renameSync, rmSync, utimesSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import fc from "fast-check"
import { describe, expect, onTestFinished, test, vi } from "vitest"
import { pause, until } from "../support/waiting.ts"
import { project, put, storeOf } from "./support.ts"

const file = ".mooring/secrets.toml"

function watched(folder: string) {
  const store = storeOf(folder)
  store.list()
  const changes: (readonly string[])[] = []
  store.onChange(({ connections }) => changes.push(connections))
  return { store, changes }
}

/** Time stands still, but for timers. */
function useDates(): void {
  vi.useFakeTimers({ toFake: ["Date"] })
  onTestFinished(() => void vi.useRealTimers())
}

describe("B07 watching", () => {
  test("a change in one section is told of that connection alone", async () => {
    const folder = project({ [file]: "[connections.pets]\nday = 2024-01-01\n[connections.owls]\na = 1\n" })
    const { store, changes } = watched(folder)
    const owls = store.section("owls")!.fingerprint
    put(folder, file, "[connections.pets]\nday = 2024-01-02\n[connections.owls]\na = 1\n")
    await until(() => changes.length > 0)
    expect(changes).toEqual([["pets"]])
    expect(store.section("owls")!.fingerprint).toBe(owls)
  })

  test("a change elsewhere is told without a name, and a touch is not told", async () => {
    const folder = project({ [file]: "top = 1\n[connections.pets]\na = 1\n" })
    const { changes } = watched(folder)
    utimesSync(join(folder, file), new Date(), new Date(Date.now() - 60_000))
    await pause(700)
    expect(changes).toEqual([])
    put(folder, file, "top = 2\n[connections.pets]\na = 1\n")
    await until(() => changes.length > 0)
    expect(changes).toEqual([[]])
  })

  test("a file in a folder that appears later, and a stronger one over it", async () => {
    const folder = project()
    const { store, changes } = watched(folder)
    put(folder, "home/.mooring/secrets.toml", "[connections.pets]\na = 1\n")
    await until(() => changes.length === 1)
    put(folder, file, "[connections.pets]\na = 2\n")
    await until(() => changes.length === 2)
    expect(changes).toEqual([["pets"], ["pets"]])
    expect(store.section("pets")!.values).toEqual({ a: 2 })
  })

  test("a file rewritten with the same size and time", async () => {
    const folder = project({ [file]: "[connections.pets]\na = 1\n" })
    const past = new Date(Date.now() - 60_000)
    utimesSync(join(folder, file), past, past)
    const { store, changes } = watched(folder)
    writeFileSync(join(folder, file), "[connections.pets]\na = 2\n")
    utimesSync(join(folder, file), past, past)
    await until(() => changes.length > 0)
    expect(store.section("pets")!.values).toEqual({ a: 2 })
  })

  test("a file replaced by rename, as editors do, with the same size and time", async () => {
    const folder = project({ [file]: "[connections.pets]\na = 1\n" })
    const past = new Date(Date.now() - 60_000)
    utimesSync(join(folder, file), past, past)
    const { store, changes } = watched(folder)
    const other = put(folder, "new.toml", "[connections.pets]\na = 2\n")
    utimesSync(other, past, past)
    renameSync(other, join(folder, file))
    await until(() => changes.length > 0)
    expect(store.section("pets")!.values).toEqual({ a: 2 })
  })

  test("a file that goes away for a moment keeps its values, one that stays away loses them", async () => {
    const folder = project({ [file]: "[connections.pets]\na = 1\n" })
    const { store, changes } = watched(folder)
    useDates()
    rmSync(join(folder, file))
    store.refresh()
    expect(store.section("pets")!.values).toEqual({ a: 1 })
    vi.setSystemTime(Date.now() + 60_000)
    await until(() => changes.length > 0)
    expect(store.section("pets")).toBe(undefined)
  })

  test("a malformed file keeps the last good values, and is reported once and until it is mended", async () => {
    const folder = project({ [file]: '[connections.pets]\npassword = "hunter2"\n' })
    const { store, changes } = watched(folder)
    put(folder, file, '[connections.pets]\npassword = "hunter2\n')
    await until(() => store.reported.length > 0)
    expect(store.reported[0]!.message).toMatch(/secrets.toml is not valid TOML at line 2, column \d+/)
    expect(store.reported[0]!.message).not.toContain("hunter2")
    await pause(700)
    store.refresh()
    expect(store.section("pets")!.values).toEqual({ password: "hunter2" })
    expect(store.reported).toHaveLength(1)
    expect(store.problems).toEqual(store.reported)
    expect(changes).toEqual([])
    put(folder, file, '[connections.pets]\npassword = "hunter3"\n')
    await until(() => changes.length > 0)
    expect(store.problems).toEqual([])
  })

  test("a section that is taken out on purpose is gone in the end", async () => {
    const folder = project({ [file]: "[connections.pets]\na = 1\n[connections.owls]\nb = 1\n" })
    const { store, changes } = watched(folder)
    put(folder, file, "[connections.owls]\nb = 1\n")
    store.refresh()
    expect(store.section("pets")!.values).toEqual({ a: 1 })
    await until(() => changes.length > 0)
    expect(changes).toEqual([["pets"]])
    expect(store.section("pets")).toBe(undefined)
  })

  test("an unsubscribed listener and a closed store hear nothing", async () => {
    const folder = project({ [file]: "[connections.pets]\na = 1\n" })
    const store = storeOf(folder)
    store.list()
    let heard = 0
    const stop = store.onChange(() => heard++)
    store.onChange(() => heard++)
    stop()
    store.close()
    put(folder, file, "[connections.pets]\na = 2\n")
    await pause(800)
    expect(heard).toBe(0)
    expect(store.section("pets")!.values).toEqual({ a: 1 })
  })
})

describe("refresh", () => {
  test("takes what is new at once, without anybody watching, and tells listeners before it returns", () => {
    const folder = project({ [file]: "[connections.pets]\na = 1\n" })
    const { store, changes } = watched(folder)
    for (let a = 2; a < 50; a++) {
      put(folder, file, `[connections.pets]\na = ${a}\n`)
      store.refresh()
      expect(store.section("pets")!.values).toEqual({ a })
    }
    expect(changes).toHaveLength(48)
  })

  test("a connection that was unknown is looked for again", () => {
    const folder = project()
    const store = storeOf(folder)
    expect(store.section("pets")).toBe(undefined)
    put(folder, file, "[connections.pets]\na = 1\n")
    expect(store.section("pets")!.values).toEqual({ a: 1 })
  })
})

describe("R28 half-written files", () => {
  const version = (n: number) =>
    `# version ${n}\n[connections.pets]\nuser = "user-${n}"\npassword = "password-${n}"\nport = ${10_000 + n}\n` +
    `[connections.owls]\nurl = "owls://${n}"\n\n[connections.owls.query]\nsslmode = "require"\nlimit = ${10_000 + n}\n`

  function check(store: ReturnType<typeof storeOf>): string {
    const pets = store.section("pets")!.values as { user: string; password: string; port: number }
    const owls = store.section("owls")!.values as { url: string; query: { sslmode: string; limit: number } }
    const n = Number(pets.user.slice("user-".length))
    expect(pets).toEqual({ user: `user-${n}`, password: `password-${n}`, port: 10_000 + n })
    expect(owls).toEqual({ url: `owls://${n}`, query: { sslmode: "require", limit: 10_000 + n } })
    return pets.user
  }

  test("rewritten in place, cut at every place, and asked at every step: never half a credential", () => {
    const folder = project({ [file]: version(0) })
    const store = storeOf(folder)
    check(store)
    for (let n = 1; n <= version(1).length; n++) {
      const text = version(n)
      const handle = openSync(join(folder, file), "w")
      const first = writeSync(handle, text.slice(0, n))
      store.refresh()
      check(store)
      writeSync(handle, text.slice(first))
      closeSync(handle)
      store.refresh()
      expect(check(store)).toBe(`user-${n}`)
    }
    expect(store.reported).toEqual([])
  })

  test("rewritten in several pieces of any size", () => {
    const folder = project({ [file]: version(0) })
    const store = storeOf(folder)
    check(store)
    let n = 0
    fc.assert(
      fc.property(fc.array(fc.nat(300), { minLength: 2, maxLength: 6 }), (cuts) => {
        const text = version(++n)
        const handle = openSync(join(folder, file), "w")
        let written = 0
        for (const place of [...cuts.sort((a, b) => a - b), text.length]) {
          store.refresh()
          check(store)
          written += writeSync(handle, text.slice(written, Math.max(place, written)))
        }
        closeSync(handle)
        store.refresh()
        expect(check(store)).toBe(`user-${n}`)
      }),
      { numRuns: 400, endOnFailure: true },
    )
    expect(store.reported).toEqual([])
  })

  test("rewritten while it is watched, and read all the time", async () => {
    const folder = project({ [file]: version(0) })
    const { store } = watched(folder)
    let writing = true
    const reader = (async () => {
      while (writing) {
        check(store)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    for (let n = 1; n <= 80; n++) {
      const text = version(n)
      const cut = (n * 7919) % text.length
      writeFileSync(join(folder, file), text.slice(0, cut))
      await pause(n % 20 === 0 ? 300 : 5)
      writeFileSync(join(folder, file), text)
      await pause(n % 20 === 10 ? 300 : 2)
    }
    await until(() => store.section("pets")!.values.user === "user-80")
    writing = false
    await reader
    expect(store.reported).toEqual([])
  })
})

test("watching does not keep the process alive", async () => {
  const folder = project({ [file]: "[connections.pets]\na = 1\n" })
  const index = new URL("../../src/secrets/index.ts", import.meta.url).href
  const script = `
    const { SecretsStore } = await import(${JSON.stringify(index)})
    const store = new SecretsStore({ projectDir: ${JSON.stringify(folder)} })
    store.onChange(() => {})
    console.log(JSON.stringify(store.section("pets").values))`
  const args = ["--experimental-strip-types", "--no-warnings", "--input-type=module", "--eval", script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 15_000 })
  expect(stdout.trim()).toBe('{"a":1}')
})
