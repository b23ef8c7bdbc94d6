// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what is tested is written so
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { folded, readOverrides } from "../../src/secrets/environment.ts"
import { caught, project, storeOf } from "./support.ts"

const P = "MOORING_CONNECTIONS__"

function storeWith(toml: string, env: Record<string, string>) {
  return storeOf(project({ ".mooring/secrets.toml": toml }), { env })
}

describe("B38 secrets from environment variables", () => {
  test("override single keys of a file's section, and are named in its origin", () => {
    const store = storeWith('[connections.pets]\nhost = "h"\npassword = "file"\n', { [`${P}PETS__PASSWORD`]: "env" })
    const section = store.section("pets")!
    expect(section.values).toEqual({ host: "h", password: "env" })
    expect(section.origin).toBe(".mooring/secrets.toml [connections.pets], MOORING_CONNECTIONS__PETS__PASSWORD")
    expect(section.layers.map(({ kind, values }) => ({ kind, values }))).toEqual([
      { kind: "file", values: { host: "h", password: "file" } },
      { kind: "env", values: { password: "env" } },
    ])
  })

  test("define a connection alone, and are always literal text", () => {
    const store = storeWith("", { [`${P}PETS__URL`]: "sqlite:///${HOME}", [`${P}PETS__PORT`]: "5432" })
    expect(store.section("pets")!.values).toEqual({ url: "sqlite:///${HOME}", port: "5432" })
    expect(store.list().map(({ name }) => name)).toEqual(["pets"])
  })

  test("nest into tables, merged key by key", () => {
    const store = storeWith('[connections.pets.query]\nsslmode = "disable"\napp = "x"\n', {
      [`${P}PETS__QUERY__SSLMODE`]: "require",
      [`${P}PETS__POOL__POOL_SIZE`]: "7",
    })
    expect(store.section("pets")!.values).toEqual({
      query: { sslmode: "require", app: "x" },
      pool: { pool_size: "7" },
    })
  })

  test("match without case, with - and . as _, and find the file's spelling of a key", () => {
    const store = storeWith('[connections."My-pets.db"]\nprivateKey = "a"\nother-key = "b"\n', {
      [`${P}MY_PETS_DB__PRIVATEKEY`]: "A",
      [`${P}my_pets_DB__OTHER_KEY`]: "B",
    })
    expect(store.section("My-pets.db")!.values).toEqual({ privateKey: "A", "other-key": "B" })
    expect(store.section("my_pets_db")).toBe(undefined)
  })

  test("keep small letters of a new key", () => {
    const store = storeWith("", { [`${P}PETS__apiKey`]: "a", [`${P}PETS__API_URL`]: "b" })
    expect(store.section("pets")!.values).toEqual({ apiKey: "a", api_url: "b" })
  })

  test("a name with two underscores is found where a file defines it", () => {
    const store = storeWith("[connections.my__db]\n", { [`${P}MY__DB__URL`]: "a" })
    expect(store.section("my__db")!.values).toEqual({ url: "a" })
    expect(store.section("my")).toBe(undefined)
  })

  test("an ambiguous name is an error for those it could mean, and for nobody else", () => {
    const store = storeWith("[connections.my-db]\n[connections.my_db]\n[connections.other]\n", {
      [`${P}MY_DB__PASSWORD`]: "hunter2",
    })
    for (const name of ["my-db", "my_db"]) {
      const error = caught(() => store.section(name))
      expect(error).toMatchObject({ code: "BAD_CONFIG", connection: name })
      expect(error.message).toContain("MOORING_CONNECTIONS__MY_DB__PASSWORD")
      expect(error.message).toContain('"my-db"')
      expect(error.message).toContain('"my_db"')
      expect(error.message).not.toContain("hunter2")
    }
    expect(store.section("other")!.values).toEqual({})
    expect(store.list().map(({ name, problem }) => [name, problem?.code])).toEqual([
      ["my-db", "BAD_CONFIG"],
      ["my_db", "BAD_CONFIG"],
      ["other", undefined],
    ])
  })

  test.each([
    ["no key", { [`${P}PETS__`]: "x" }, /names no key/],
    ["an empty part", { [`${P}PETS__QUERY____A`]: "x" }, /names no key/],
    ["a key twice", { [`${P}PETS__A`]: "x", [`${P}pets__A`]: "y" }, /another variable sets/],
    ["a key and a table", { [`${P}PETS__QUERY`]: "x", [`${P}PETS__QUERY__A`]: "y" }, /another variable sets/],
    ["a refused key", { [`${P}PETS__CONSTRUCTOR`]: "x" }, /refused/],
    ["too many levels", { [`${P}PETS${"__A".repeat(50_000)}`]: "x" }, /names no key/],
  ])("%s is an error when that connection is asked for", (_what, env, message) => {
    const store = storeWith("[connections.other]\n", env)
    expect(caught(() => store.section("pets")).message).toMatch(message)
    expect(store.section("other")).toBeDefined()
  })

  test("two keys of a file that differ only in case make an override of neither ambiguous in silence", () => {
    const store = storeWith('[connections.pets]\nUser = "a"\nuser = "b"\n', { [`${P}PETS__USER`]: "c" })
    expect(caught(() => store.section("pets")).message).toContain("User or user")
  })

  test("a variable that is set or changed later counts", () => {
    const env: Record<string, string> = {}
    const store = storeWith('[connections.pets]\nuser = "${DB_USER:-ada}"\n', env)
    expect(store.section("pets")!.values).toEqual({ user: "ada" })
    const before = store.section("pets")!.fingerprint
    env.DB_USER = "grace"
    expect(store.section("pets")!.values).toEqual({ user: "grace" })
    expect(store.section("pets")!.fingerprint).not.toBe(before)
    env[`${P}OWLS__URL`] = "sqlite://"
    expect(store.section("owls")!.values).toEqual({ url: "sqlite://" })
    env[`${P}PETS__USER`] = "eve"
    store.refresh()
    expect(store.section("pets")!.values).toEqual({ user: "eve" })
  })

  test("every name and key that a shell can hold finds its section", () => {
    const word = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,6}[A-Za-z0-9])?$/)
    const key = fc.stringMatching(/^[a-z][a-z0-9]{0,5}(_[a-z0-9]{1,4}){0,2}$/)
    const folder = project()
    fc.assert(
      fc.property(word, fc.uniqueArray(key, { minLength: 1, maxLength: 4 }), fc.string(), (name, keys, value) => {
        fc.pre(!keys.some((one) => ["constructor", "prototype"].includes(one)))
        const env: Record<string, string> = {}
        for (const one of keys) env[`${P}${folded(name).toUpperCase()}__${one.toUpperCase()}`] = value
        const inline = { connections: { [name]: { kept: 1 } } }
        const expected = { kept: 1, ...Object.fromEntries(keys.map((one) => [one, value])) }
        expect(storeOf(folder, { env, inline }).section(name)!.values).toEqual(expected)
        expect(readOverrides(env)).toHaveLength(keys.length)
      }),
    )
  })
})
