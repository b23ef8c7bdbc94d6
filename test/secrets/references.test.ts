// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what is tested is written so
import { execFileSync } from "node:child_process"
import { chmodSync, chownSync, readFileSync } from "node:fs"
import { inspect } from "node:util"
import { describe, expect, test } from "vitest"
import { assertMayExecute, isReference, resolveReferences } from "../../src/secrets/index.ts"
import { until } from "../support/waiting.ts"
import { everythingOf, project, put, storeOf } from "./support.ts"

const node = JSON.stringify(process.execPath)
const command = (script: string) => `{ command = [${node}, "-e", ${JSON.stringify(script)}] }`
const isRoot = process.geteuid?.() === 0

async function rejection(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => {
      throw new Error("nothing was thrown")
    },
    (error) => error,
  )
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function sectionOf(toml: string, files: Record<string, string> = {}) {
  return storeOf(project({ ".mooring/secrets.toml": `[connections.pets]\n${toml}\n`, ...files }), {
    env: { ...process.env, TOKEN_FILE: "token.txt" },
  }).section("pets")!
}

describe("references", () => {
  test("are read at every resolve, relative to the file that names them, without one trailing newline", async () => {
    const folder = project({
      ".mooring/secrets.toml":
        '[connections.pets]\npassword = { file = "${NAME}.txt" }\nquery.key = { file = "~/key" }\n',
      ".mooring/pw.txt": "first\n\n",
      "home/key": "k\r\n",
    })
    const { values, fingerprint } = storeOf(folder, { env: { NAME: "pw" } }).section("pets")!
    expect(isReference(values.password)).toBe(true)
    expect(await resolveReferences(values)).toEqual({ password: "first\n", query: { key: "k" } })
    put(folder, ".mooring/pw.txt", "second")
    expect((await resolveReferences(values)).password).toBe("second")
    expect(storeOf(folder, { env: { NAME: "pw" } }).section("pets")!.fingerprint).toBe(fingerprint)
  })

  test("commands run without a shell, in the file's folder", async () => {
    const { values } = sectionOf(
      `token = ${command("console.log(process.argv[1] ?? 'none', require('fs').readdirSync('.').join())")}`,
    )
    expect(await resolveReferences(values)).toEqual({ token: "none secrets.toml" })
    const shell = sectionOf(`token = { command = [${node}, "-p", "process.argv[1]", "$HOME; echo x"] }`)
    expect(await resolveReferences(shell.values)).toEqual({ token: "$HOME; echo x" })
  })

  test("are found in nested tables and arrays; a section with one key called file is none", async () => {
    const { values } = sectionOf('a = [{ file = "x" }, 1]\nb.c.d = { file = "x" }\nplain = { file = "x", other = 1 }', {
      ".mooring/x": "X",
    })
    expect(await resolveReferences(values)).toEqual({
      a: ["X", 1],
      b: { c: { d: "X" } },
      plain: { file: "x", other: 1 },
    })
    expect(sectionOf('file = "data.csv"').values).toEqual({ file: "data.csv" })
  })

  test("mean something in code, and nothing in .streamlit files", async () => {
    const folder = project({
      ".streamlit/secrets.toml": '[connections.old]\na = { file = "x" }\nb = "${HOME} $${X}"\n',
      x: "X",
    })
    const store = storeOf(folder, {
      inline: { connections: { pets: { a: { file: "x" } } } },
      files: [".streamlit/secrets.toml"],
    })
    expect(store.section("old")!.values).toEqual({ a: { file: "x" }, b: "${HOME} $${X}" })
    expect(await resolveReferences(store.section("pets")!.values)).toEqual({ a: "X" })
  })

  test("stay tables in the merged secrets", () => {
    const folder = project({ ".mooring/secrets.toml": '[connections.pets]\na = { command = ["false"] }\n' })
    expect(storeOf(folder).all()).toEqual({ connections: { pets: { a: { command: ["false"] } } } })
  })

  test("showing one runs nothing and tells no argument", () => {
    const { values } = sectionOf('token = { command = ["printenv", "hunter2"] }')
    const shown = [inspect(values, { depth: 9 }), JSON.stringify(values), String(values.token)].join()
    expect(shown).toContain("{ command = … }")
    expect(shown).not.toContain("hunter2")
  })

  test.each([
    "{ file = 1 }",
    "{ file = '' }",
    "{ command = 'op read x' }",
    "{ command = [] }",
    "{ command = ['a', 1] }",
  ])("%s is refused when the section is used", (written) =>
    expect(() => sectionOf(`password = ${written}`)).toThrow(/"password" in .* reference that cannot be read/),
  )

  test("an unset variable names variable, key and file", () => {
    expect(() => sectionOf('query.user = "x${NOBODY_SET_THIS}"')).toThrow(
      /"query.user" in \.mooring.secrets.toml \[connections.pets\] refers to the environment variable NOBODY_SET_THIS/,
    )
    expect(() => sectionOf('user = "hunter2${"')).toThrow(/^(?!.*hunter2).*begins no reference/)
  })
})

describe("a reference that fails", () => {
  test.each([
    ["no such file", '{ file = "/nowhere/pw" }', /"password" in .*\/nowhere\/pw, but it does not exist/],
    ["a folder", '{ file = "." }', /is not a regular file|folder/],
    [
      "exit code",
      command("console.log('hunter2'); console.error('hunter2'); process.exit(3)"),
      /ended with exit code 3/,
    ],
    ["signal", command("console.log('hunter2'); process.kill(process.pid, 'SIGTERM')"), /was ended by SIGTERM/],
    ["unknown program", '{ command = ["no-such-program-anywhere", "hunter2"] }', /was not found/],
    ["too much output", command("process.stdout.write('hunter2'.repeat(400000))"), /more than 1048576 bytes/],
  ])("%s: names key and source, never the output", async (_what, written, message) => {
    const error = await rejection(resolveReferences(sectionOf(`password = ${written}`).values))
    expect(error.message).toMatch(message)
    expect(error.message).toContain("[connections.pets]")
    expect(everythingOf(error)).not.toContain("hunter2")
  })

  test("a caller's abort ends the command and rejects with the reason", async () => {
    const { values } = sectionOf(`password = ${command("setInterval(() => {}, 1000)")}`)
    const reason = new Error("enough")
    const abort = new AbortController()
    const pending = rejection(resolveReferences(values, { signal: abort.signal }))
    setTimeout(() => abort.abort(reason), 50)
    expect(await pending).toBe(reason)
    expect(await rejection(resolveReferences(values, { signal: abort.signal }))).toBe(reason)
  })

  test("the first failure ends the other commands", async () => {
    const wait = "require('fs').writeFileSync('pid', String(process.pid)); setInterval(() => {}, 1000)"
    const fail = "setInterval(() => { if (require('fs').existsSync('pid')) process.exit(1) }, 10)"
    const folder = project({
      ".mooring/secrets.toml": `[connections.pets]\na = ${command(wait)}\nb = ${command(fail)}\n`,
    })
    const { values } = storeOf(folder, { env: process.env }).section("pets")!
    expect((await rejection(resolveReferences(values))).message).toContain("exit code 1")
    const pid = Number(readFileSync(`${folder}/.mooring/pid`, "utf8"))
    await until(() => !isRunning(pid))
  })

  test.skipIf(process.platform === "win32")(
    "a pipe that nobody writes to is refused and holds nothing up",
    async () => {
      const folder = project({ ".mooring/secrets.toml": '[connections.pets]\npassword = { file = "pipe" }\n' })
      execFileSync("mkfifo", [`${folder}/.mooring/pipe`, `${folder}/named.toml`])
      const { values } = storeOf(folder).section("pets")!
      expect((await rejection(resolveReferences(values))).message).toContain("not a regular file")
      expect(() => storeOf(folder, { files: ["named.toml"] }).section("pets")).toThrow("not a regular file")
    },
  )

  test("a command that waits for input gets none", async () => {
    const { values } = sectionOf(`a = ${command("process.stdin.resume().on('end', () => console.log('end'))")}`)
    expect(await resolveReferences(values)).toEqual({ a: "end" })
  })
})

describe.skipIf(process.geteuid === undefined)("who may have a command executed", () => {
  const toml = `[connections.pets]\ntype = "./pets.ts"\ntoken = ${command("console.log('ran')")}\n`

  test("nobody through a file that others can write to", async () => {
    const folder = project({ ".mooring/secrets.toml": toml })
    chmodSync(`${folder}/.mooring/secrets.toml`, 0o620)
    const section = storeOf(folder).section("pets")!
    const error = await rejection(resolveReferences(section.values))
    expect(error.message).toMatch(/"token" .* is not executed: .*can be written to by other users/)
    expect(() => assertMayExecute(section, "type", "The module of pets")).toThrow(/written to by other users/)
    expect(() => assertMayExecute(section, "other", "The module of pets")).not.toThrow()
    chmodSync(`${folder}/.mooring/secrets.toml`, 0o600)
    const own = storeOf(folder).section("pets")!
    expect(await resolveReferences(own.values)).toMatchObject({ token: "ran" })
    expect(() => assertMayExecute(own, "type", "The module of pets")).not.toThrow()
  })

  test("a variable of the environment has the last word on its key, and is trusted", () => {
    const folder = project({ ".mooring/secrets.toml": toml })
    chmodSync(`${folder}/.mooring/secrets.toml`, 0o622)
    const section = storeOf(folder, { env: { MOORING_CONNECTIONS__PETS__TYPE: "x#Y" } }).section("pets")!
    expect(() => assertMayExecute(section, "type", "The module of pets")).not.toThrow()
  })

  test.runIf(isRoot)("nobody through a file of another user", async () => {
    const folder = project({ ".mooring/secrets.toml": toml })
    chownSync(`${folder}/.mooring/secrets.toml`, 12345, 12345)
    const error = await rejection(resolveReferences(storeOf(folder).section("pets")!.values))
    expect(error.message).toContain("belongs to another user")
  })

  test("a change of the mode is noticed", async () => {
    const folder = project({ ".mooring/secrets.toml": toml })
    const store = storeOf(folder)
    expect(await resolveReferences(store.section("pets")!.values)).toMatchObject({ token: "ran" })
    chmodSync(`${folder}/.mooring/secrets.toml`, 0o666)
    store.refresh()
    expect((await rejection(resolveReferences(store.section("pets")!.values))).message).toContain("not executed")
  })
})

describe.skipIf(process.geteuid === undefined)("a file that others can read", () => {
  test("is warned of once, with the remedy", () => {
    const folder = project({ ".mooring/secrets.toml": '[connections.pets]\npassword = "x1y2"\n' })
    chmodSync(`${folder}/.mooring`, 0o755)
    chmodSync(`${folder}/.mooring/secrets.toml`, 0o644)
    const store = storeOf(folder)
    store.section("pets")
    put(folder, ".mooring/secrets.toml", '[connections.pets]\npassword = "1234"\n')
    chmodSync(`${folder}/.mooring/secrets.toml`, 0o640)
    store.refresh()
    expect(store.section("pets")!.values).toEqual({ password: "1234" })
    expect(store.reported.map(({ message }) => message)).toEqual([
      expect.stringMatching(/secrets.toml can be read by other users \(mode 644\)/),
    ])
    expect(store.reported[0]!.hint).toContain("chmod 600")
    expect(store.problems).toEqual([])
  })

  test("is not, behind a folder that nobody else can enter", () => {
    const folder = project({ ".mooring/secrets.toml": '[connections.pets]\npassword = "x1y2"\n' })
    chmodSync(`${folder}/.mooring/secrets.toml`, 0o644)
    const store = storeOf(folder)
    store.section("pets")
    expect(store.reported).toEqual([])
  })

  test("is not, where it holds no secret", () => {
    const folder = project({ ".mooring/secrets.toml": '[connections.pets]\nurl = "duckdb:///pets.db"\n' })
    chmodSync(`${folder}/.mooring`, 0o755)
    chmodSync(`${folder}/.mooring/secrets.toml`, 0o644)
    const store = storeOf(folder)
    store.section("pets")
    expect(store.reported).toEqual([])
  })
})
