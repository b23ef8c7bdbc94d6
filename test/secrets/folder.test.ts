// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what is tested is written so
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, onTestFinished, test } from "vitest"
import { pause, until } from "../support/waiting.ts"
import { caught, project, put, storeOf } from "./support.ts"

describe("B37 folders", () => {
  test("connections/<name>/<key>, connections.<name>/<key>, and Streamlit's two levels", () => {
    const folder = project({
      "run/connections/pets/password": "hunter2\n",
      "run/connections/pets/host": "h",
      "run/connections.owls/url": " sqlite:// ",
      "run/connections.my.db/url": "u",
      "run/api/key": "k\n",
      "run/api/other": "o",
      "run/plain": "p",
    })
    const store = storeOf(folder, { env: { MOORING_SECRETS: "run" } })
    expect(store.section("pets")!.values).toEqual({ host: "h", password: "hunter2" })
    expect(store.section("owls")!.values).toEqual({ url: "sqlite://" })
    expect(store.section("my.db")!.values).toEqual({ url: "u" })
    expect(store.section("owls")!.origin).toBe("run [connections.owls]")
    expect(store.all()).toMatchObject({ api: { key: "k", other: "o" }, plain: "p" })
  })

  test("a folder with one file is that file's value, but for connections and settings", () => {
    const folder = project({
      "run/api_key/value": "k-123\n",
      "run/connections/pets/url": "sqlite://",
      "run/mooring/session_idle": "5m",
    })
    const store = storeOf(folder, { env: { MOORING_SECRETS: "run" } })
    expect(store.all().api_key).toBe("k-123")
    expect(store.section("pets")!.values).toEqual({ url: "sqlite://" })
    expect(store.settings()).toEqual({ session_idle: "5m" })
  })

  test("texts are literal, what is not text stays bytes, and hidden files are left out", () => {
    const folder = project({ "run/connections/pets/password": "a${HOME}", "run/connections/pets/.swp": "x" })
    put(folder, "run/connections/pets/keystore", new Uint8Array([0xff, 0xfe, 0x00]))
    const { values } = storeOf(folder, { files: ["run"] }).section("pets")!
    expect(values.password).toBe("a${HOME}")
    expect([...(values.keystore as Uint8Array)]).toEqual([0xff, 0xfe, 0x00])
    expect(Object.keys(values)).toEqual(["keystore", "password"])
  })

  test("the same section in both layouts is merged; the same key twice is an error", () => {
    const folder = project({ "run/connections/pets/a": "1", "run/connections.owls/b": "2" })
    expect(Object.keys(storeOf(folder, { files: ["run"] }).all().connections as object)).toEqual(["owls", "pets"])
    put(folder, "run/connections.pets/a", "3")
    expect(caught(() => storeOf(folder, { files: ["run"] }).section("pets")).message).toContain('"pets" twice')
  })

  test("refused names and too much of everything are errors", () => {
    const refused = project({ "run/connections/pets/constructor": "x" })
    expect(caught(() => storeOf(refused, { files: ["run"] }).section("pets")).message).toContain("refused")
    const proto = project({ "run/connections/__proto__/polluted": "x" })
    expect(caught(() => storeOf(proto, { files: ["run"] }).section("pets")).message).toContain("refused")
    const large = project({ "run/a/b": "x".repeat(600_000), "run/a/c": "x".repeat(600_000) })
    expect(caught(() => storeOf(large, { files: ["run"] }).section("pets")).message).toContain("1 MiB together")
    const many = project()
    for (let index = 0; index < 1001; index++) put(many, `run/a/${index}`, "x")
    expect(caught(() => storeOf(many, { files: ["run"] }).section("pets")).message).toContain("entries")
  })

  test("B07 a swap of ..data, as Kubernetes does it, is one change", async () => {
    const folder = project()
    const run = join(folder, "run")
    const publish = (version: string) => {
      for (const key of ["username", "password", "host"]) put(run, `..${version}/connections.pets/${key}`, version)
      symlinkSync(`..${version}`, join(run, "..data_tmp"))
      renameSync(join(run, "..data_tmp"), join(run, "..data"))
    }
    mkdirSync(run, { recursive: true })
    publish("v1")
    symlinkSync("..data/connections.pets", join(run, "connections.pets"))
    const store = storeOf(folder, { files: ["run"] })
    const all = (value: string) => ({ username: value, password: value, host: value })
    expect(store.section("pets")!.values).toEqual(all("v1"))
    const changes: (readonly string[])[] = []
    store.onChange(({ connections }) => changes.push(connections))
    await pause(200)
    publish("v2")
    rmSync(join(run, "..v1"), { recursive: true })
    await until(() => changes.length > 0)
    expect(store.section("pets")!.values).toEqual(all("v2"))
    await pause(700)
    expect(changes).toEqual([["pets"]])
    expect(store.problems).toEqual([])
  })

  test("no reading mixes the states before and after a swap", async () => {
    const folder = project()
    const keys = Array.from({ length: 10 }, (_, index) => `key${index}`)
    const publisher = `
      const { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } = require("node:fs")
      process.chdir(${JSON.stringify(folder)})
      mkdirSync("run", { recursive: true })
      for (let n = 1; n <= 40; n++) {
        mkdirSync(\`run/..\${n}/connections.pets\`, { recursive: true })
        for (const key of ${JSON.stringify(keys)}) writeFileSync(\`run/..\${n}/connections.pets/\${key}\`, String(n))
        symlinkSync(\`..\${n}\`, "run/..data_tmp")
        renameSync("run/..data_tmp", "run/..data")
        if (n === 1) symlinkSync("..data/connections.pets", "run/connections.pets")
        rmSync(\`run/..\${n - 1}\`, { recursive: true, force: true })
      }`
    const child = spawn(process.execPath, ["--eval", publisher], { stdio: "inherit" })
    let exit: number | null = null
    child.on("exit", (code) => {
      exit = code
    })
    onTestFinished(() => void child.kill())
    await until(() => existsSync(join(folder, "run", "connections.pets")))
    const store = storeOf(folder, { files: ["run"] })
    const state = () => new Set(Object.values(store.section("pets")!.values))
    const seen = new Set<unknown>()
    while (exit === null) {
      store.refresh()
      expect(state().size).toBe(1)
      seen.add([...state()][0])
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(exit).toBe(0)
    expect(seen.size).toBeGreaterThan(2)
    store.refresh()
    expect([...state()]).toEqual(["40"])
  })

  test("a changed file in a plain folder is noticed, and so is a new one", async () => {
    const folder = project({ "run/connections/pets/password": "a" })
    const store = storeOf(folder, { files: ["run"] })
    store.section("pets")
    const changes: (readonly string[])[] = []
    store.onChange(({ connections }) => changes.push(connections))
    put(folder, "run/connections/pets/password", "b")
    await until(() => changes.length === 1)
    put(folder, "run/connections/owls/url", "c")
    await until(() => changes.length === 2)
    expect(changes).toEqual([["pets"], ["owls"]])
  })
})
