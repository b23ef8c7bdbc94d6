// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what is tested is written so
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { chmodSync } from "node:fs"
import { delimiter, join, sep } from "node:path"
import { promisify } from "node:util"
import { describe, expect, test } from "vitest"
import { SecretsStore } from "../../src/secrets/index.ts"
import { caught, project, put, storeOf } from "./support.ts"

const pets = (text: string) => `[connections.pets]\n${text}\n`

describe("precedence", () => {
  test("from the home folder's files to code, the strongest file has the section", () => {
    const places = [
      "home/.streamlit/secrets.toml",
      "home/.mooring/secrets.toml",
      ".streamlit/secrets.toml",
      ".mooring/secrets.toml",
      "listed.toml",
      "named.toml",
    ]
    const folder = project()
    const options = () => ({
      env: { MOORING_SECRETS: ["", "listed.toml"].join(delimiter) },
      files: [join(folder, "named.toml")],
    })
    for (const place of places) {
      put(folder, place, pets(`from = "${place}"`))
      expect(storeOf(folder, options()).section("pets")!.values).toEqual({ from: place })
    }
    const inline = { connections: { pets: { from: "code" } } }
    const store = storeOf(folder, { ...options(), inline })
    expect(store.section("pets")!.values).toEqual({ from: "code" })
    expect(store.section("pets")!.origin).toBe("configure({ secrets }) [connections.pets]")
    expect(store.places).toEqual([
      join("~", ".streamlit", "secrets.toml"),
      join("~", ".mooring", "secrets.toml"),
      join(".streamlit", "secrets.toml"),
      join(".mooring", "secrets.toml"),
      "listed.toml",
      "named.toml",
    ])
  })

  test("a section is taken whole: never half a credential from each of two files", () => {
    const folder = project({
      "home/.mooring/secrets.toml": pets('password = "home"\nhost = "h"'),
      ".mooring/secrets.toml": pets('username = "project"'),
    })
    expect(storeOf(folder).section("pets")!.values).toEqual({ username: "project" })
  })

  test("B34 a project's connections do not hide the home folder's", () => {
    const folder = project({
      "home/.streamlit/secrets.toml": '[connections.owls]\nurl = "owls"\n[api]\nkey = "home"\nother = 1\n',
      ".streamlit/secrets.toml": '[connections.pets]\nurl = "pets"\n[api]\nkey = "project"\n',
    })
    const store = storeOf(folder)
    expect(store.list().map(({ name, origin }) => [name, origin])).toEqual([
      ["owls", join("~", ".streamlit", "secrets.toml [connections.owls]")],
      ["pets", join(".streamlit", "secrets.toml [connections.pets]")],
    ])
    expect(store.all()).toEqual({
      connections: { owls: { url: "owls" }, pets: { url: "pets" } },
      api: { key: "project" },
    })
  })

  test("our own settings are merged key by key", () => {
    const folder = project({
      "home/.mooring/secrets.toml": '[mooring]\ntimezone = "UTC"\neditor = "${EDITOR}"\n',
      ".mooring/secrets.toml": '[mooring]\ntimezone = "CET"\n',
    })
    const store = storeOf(folder, { env: { EDITOR: "vi" } })
    expect(store.settings()).toEqual({ timezone: "CET", editor: "vi" })
    expect(store.all().mooring).toEqual({ timezone: "CET", editor: "vi" })
  })

  test("a file that is named twice counts once, where it is strongest", () => {
    const folder = project({ "a.toml": pets("a = 1"), "b.toml": pets("b = 1") })
    const store = storeOf(folder, { files: ["a.toml", "b.toml", "./a.toml"] })
    expect(store.section("pets")!.values).toEqual({ a: 1 })
    expect(store.places.slice(-2)).toEqual(["b.toml", "a.toml"])
  })
})

describe("B06 what is not configured", () => {
  test("is undefined, without a file and without the section, and never an inherited name", () => {
    expect(storeOf(project()).section("pets")).toBe(undefined)
    const store = storeOf(project({ ".mooring/secrets.toml": "[connections.owls]\n" }))
    for (const name of ["pets", "toString", "__proto__", "constructor", "hasOwnProperty", ""]) {
      expect(store.section(name)).toBe(undefined)
    }
    expect(store.section("owls")!.values).toEqual({})
  })

  test("making a store reads nothing", () => {
    const folder = project()
    const store = storeOf(folder)
    put(folder, ".mooring/secrets.toml", pets("a = 1"))
    expect(store.section("pets")!.values).toEqual({ a: 1 })
  })

  test("a misspelled table is noticed", () => {
    const store = storeOf(
      project({
        ".mooring/secrets.toml": '[connection.pets]\nurl = "x"\n[owls]\nurl = "x"\n[Connections."my cats"]\n',
      }),
    )
    expect(store.misspelling("pets")).toBe(
      `${join(".mooring", "secrets.toml")} has [connection.pets], which should be [connections.pets].`,
    )
    expect(store.misspelling("owls")).toContain("has [owls], which should be [connections.owls].")
    expect(store.misspelling("my cats")).toContain(
      'has [Connections."my cats"], which should be [connections."my cats"].',
    )
    expect(store.misspelling("dogs")).toBe(undefined)
  })

  test("what is no table is an error when it is asked for", () => {
    const store = storeOf(project({ ".mooring/secrets.toml": '[connections]\npets = "hunter2"\n[connections.owls]\n' }))
    const error = caught(() => store.section("pets"))
    expect(error).toMatchObject({ code: "SECRETS", connection: "pets" })
    expect(error.message).not.toContain("hunter2")
    expect(store.section("owls")).toBeDefined()
    expect(store.list().map(({ name, problem }) => [name, problem === undefined])).toEqual([
      ["owls", true],
      ["pets", false],
    ])
  })
})

describe("B36 a malformed file", () => {
  test("is an error only where a value is needed that it may hold", () => {
    const folder = project({
      "home/.mooring/secrets.toml": "[connections.owls]\n[api]\nkey = 1\n",
      ".mooring/secrets.toml": "[connections.pets\n",
    })
    const store = storeOf(folder, { inline: { connections: { cats: { a: 1 } } } })
    expect(store.section("cats")!.values).toEqual({ a: 1 })
    expect(store.all().api).toEqual({ key: 1 })
    for (const name of ["pets", "owls", "unknown"]) {
      expect(caught(() => store.section(name))).toMatchObject({ code: "SECRETS", connection: name })
    }
    expect(caught(() => store.throwIfUnread()).message).toContain("line 1")
    expect(store.problems).toHaveLength(1)
    expect(store.reported).toEqual(store.problems)
  })

  test("is usable again once it is corrected", () => {
    const folder = project({ ".mooring/secrets.toml": "[connections.pets\n" })
    const store = storeOf(folder)
    expect(() => store.section("pets")).toThrow()
    put(folder, ".mooring/secrets.toml", pets("a = 1"))
    store.refresh()
    expect(store.section("pets")!.values).toEqual({ a: 1 })
    expect(store.problems).toEqual([])
    expect(() => store.throwIfUnread()).not.toThrow()
  })

  test.each([
    ["larger than 1 MiB", "#".repeat(1024 * 1024 + 1), /larger than 1 MiB/],
    ["not UTF-8", new Uint8Array([0x61, 0xff]), /not UTF-8/],
  ])("%s", (_what, text, message) => {
    const folder = project()
    put(folder, ".mooring/secrets.toml", text)
    expect(caught(() => storeOf(folder).section("pets")).message).toMatch(message)
  })
})

describe("fingerprints (B07)", () => {
  const of = (toml: string) => storeOf(project({ ".mooring/secrets.toml": toml })).section("pets")!.fingerprint

  test("are equal for equal content, whatever stands elsewhere", () => {
    expect(of(pets('a = 1\nb = "x"'))).toBe(of(`[connections.owls]\nc = 2\n${pets('b = "x"\na = 1')}`))
  })

  test("differ for every difference, in dates and types too", () => {
    const contents = [
      "",
      "a = 1",
      "a = 1.5",
      'a = "1"',
      "a = true",
      'a = "true"',
      "a = []",
      'a = [""]',
      "a = {}",
      "b = 1",
      "a = 1\nb = 1",
      "a = 1979-05-27",
      "a = 1979-05-28",
      "a = 1979-05-27T00:00:00",
      "a = 1979-05-27T00:00:00Z",
      "a = 1979-05-27T01:00:00+01:00",
      "a = 00:00:00",
      "a = 00:00:01",
      'a = "1979-05-27"',
      "a = 9007199254740993",
      "a = { file = '/x' }",
      "a = { file = '/y' }",
      "a = { command = ['/x'] }",
      "a = { command = ['/x', '/y'] }",
      "a = [[1], [2]]",
      "a = [[1, 2]]",
      "a = nan",
      "a = inf",
      "a = -0.0",
      "a = 0.0",
    ]
    const seen = contents.map((content) => of(pets(content)))
    expect(new Set(seen).size).toBe(contents.length)
  })

  test("count functions by identity and buffers by value", () => {
    const one = () => 1
    const of = (token: unknown) =>
      storeOf(project(), { inline: { connections: { pets: { token } } } }).section("pets")!.fingerprint
    expect(of(one)).toBe(of(one))
    expect(of(one)).not.toBe(of(() => 1))
    expect(of(new Uint8Array([1]))).toBe(of(new Uint8Array([1])))
    expect(of(new Uint8Array([1]))).not.toBe(of(new Uint8Array([2])))
  })

  test("are keyed: a guess at the password cannot be checked against them", () => {
    const print = of(pets('password = "a"'))
    for (const guess of ["a", '{"password":"a"}', "s1:a", "{1:k8:passwords1:a"]) {
      expect(print).not.toContain(createHash("sha256").update(guess).digest("base64url"))
    }
  })
})

describe("secrets given in code", () => {
  test("refuse keys that reach prototypes, and cycles", () => {
    const inline = JSON.parse('{"connections":{"pets":{"__proto__":{"polluted":1}}}}')
    expect(caught(() => storeOf(project(), { inline }))).toMatchObject({ code: "SECRETS" })
    const loop: Record<string, unknown> = {}
    loop.self = loop
    expect(caught(() => storeOf(project(), { inline: loop })).message).toContain("nested")
    expect(({} as Record<string, unknown>).polluted).toBe(undefined)
  })

  test("are copied: what the caller changes afterwards has no effect", () => {
    const inline = { connections: { pets: { tags: ["a"], undefinedKey: undefined } } }
    const store = storeOf(project(), { inline })
    inline.connections.pets.tags.push("b")
    expect(store.section("pets")!.values).toEqual({ tags: ["a"] })
    expect(store.section("pets")!.keys).toEqual(["tags"])
  })
})

describe("the merged secrets", () => {
  test("are frozen, and a text whose variable is unset throws when it is read, not before", () => {
    const folder = project({
      ".mooring/secrets.toml":
        'a = "${SET}"\nb = "${UNSET}"\n[api]\nkey = "${UNSET}"\nurl = "u"\n[connections.pets]\nc = "${UNSET}"\n',
    })
    const all = storeOf(folder, { env: { SET: "s" } }).all() as Record<string, Record<string, unknown>>
    expect(all.a).toBe("s")
    expect(all.api!.url).toBe("u")
    expect(caught(() => all.b).message).toContain("UNSET")
    expect(caught(() => all.api!.key).message).toContain('"api.key"')
    expect(caught(() => (all.connections!.pets as Record<string, unknown>).c).message).toContain("UNSET")
    expect(Object.isFrozen(all) && Object.isFrozen(all.api) && Object.isFrozen(all.connections)).toBe(true)
  })
})

describe("B35 export to the environment", () => {
  const toml = 'TOKEN = "t"\nPORT = 1\nFLAG = true\nSELF = "${SELF:-}x"\n[table]\na = 1\n'

  test("does not happen by itself", () => {
    const env: Record<string, string> = {}
    storeOf(project({ ".mooring/secrets.toml": toml }), { env }).all()
    expect(env).toEqual({})
  })

  test("is made on request, follows changes, and is taken back", () => {
    const folder = project({ ".mooring/secrets.toml": toml })
    const env: Record<string, string> = { TOKEN: "before" }
    const store = storeOf(folder, { env, exportEnv: true })
    store.all()
    expect(env).toEqual({ TOKEN: "t", PORT: "1", SELF: "x" })
    store.refresh()
    expect(env.SELF).toBe("x")
    put(folder, ".mooring/secrets.toml", `MORE = "m"\n${toml.replace('"t"', '"u"')}`)
    store.refresh()
    expect(env).toEqual({ TOKEN: "u", PORT: "1", SELF: "x", MORE: "m" })
    env.PORT = "2"
    store.close()
    expect(env).toEqual({ TOKEN: "before", PORT: "2" })
  })
})

test("the default store reads the environment and home folder of the process", () => {
  const store = new SecretsStore({
    projectDir: project({ ".mooring/secrets.toml": pets("a = 1") }),
    onProblem: () => {},
  })
  expect(store.section("pets")!.values).toEqual({ a: 1 })
  store.close()
})

describe.skipIf(process.platform === "win32")("a folder that this process may not enter", () => {
  // Root enters every folder: a process of another user looks instead.
  const script = (folder: string, files: string[]) => `
    const { SecretsStore } = await import(${JSON.stringify(new URL("../../src/secrets/index.ts", import.meta.url).href)})
    process.geteuid() === 0 && process.setuid(65534)
    const options = { projectDir: ${JSON.stringify(folder)}, homeDir: ${JSON.stringify(`${folder}/home`)} }
    const store = new SecretsStore({ ...options, files: ${JSON.stringify(files)}, env: {}, onProblem() {} })
    try { console.log(store.section("pets")) } catch (error) { console.log(error.message) }`

  test.each([
    [[], "undefined"],
    [["home/named.toml"], "home/named.toml cannot be used: this process may not read it (EACCES)."],
  ])("counts as empty, but not where a file in it was named: %j", async (files, expected) => {
    const folder = project({ "home/.mooring/secrets.toml": pets("a = 1"), "home/named.toml": "" })
    chmodSync(folder, 0o755)
    chmodSync(join(folder, "home"), 0o000)
    const args = ["--experimental-strip-types", "--no-warnings", "--input-type=module", "--eval", script(folder, files)]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    chmodSync(join(folder, "home"), 0o700)
    expect(stdout.trim().replace(`~${sep}`, `home${sep}`)).toBe(expected)
  })
})
