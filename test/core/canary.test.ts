import diagnosticsChannel from "node:diagnostics_channel"
import { mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { expect, onTestFinished, test } from "vitest"
import { type BaseConnection, cacheData, connection, describeConnections, diagnose } from "../../src/index.ts"
import { type PetsClient, PetsConnection, type PetsOptions } from "../support/pets-connection.ts"
import { startPetsServer } from "../support/pets-server.ts"
import { setVariable, type TestProject, useConfiguration, useProject } from "../support/project.ts"
import { pause } from "../support/waiting.ts"

const canary = "cAnArY-9d7f3b"

/** Everything that a program could see, log or print of a value. */
function everythingOf(value: unknown, seen = new Set<unknown>()): string {
  const texts = [inspect(value, { depth: 20, showHidden: true }), inspect(value, { depth: 20, customInspect: false })]
  texts.push(String(value))
  try {
    texts.push(JSON.stringify(value) ?? "")
  } catch {
    // What cannot be written as JSON does not reach a log as JSON.
  }
  if (value instanceof Error && !seen.has(value)) {
    seen.add(value)
    texts.push(value.message, value.stack ?? "", everythingOf(value.cause, seen))
    for (const key of Reflect.ownKeys(value)) {
      texts.push(everythingOf((value as unknown as Record<PropertyKey, unknown>)[key], seen))
    }
  }
  return texts.join("\n")
}

/** Collects the process's warnings and what the tracing channels tell. */
function eavesdrop(): string[] {
  const heard: string[] = []
  const warn = (warning: Error) => heard.push(everythingOf(warning))
  process.on("warning", warn)
  onTestFinished(() => void process.off("warning", warn))
  for (const name of ["connect", "query", "cache", "reset"]) {
    for (const event of ["start", "end", "asyncStart", "asyncEnd", "error"]) {
      const channel = `tracing:mooring:${name}:${event}`
      const listen = (message: unknown) => heard.push(everythingOf(message))
      diagnosticsChannel.subscribe(channel, listen)
      onTestFinished(() => void diagnosticsChannel.unsubscribe(channel, listen))
    }
  }
  return heard
}

/** A class that makes every mistake a client can make with what it was given. */
class LeakyConnection extends PetsConnection {
  protected override async _connect(options: PetsOptions): Promise<PetsClient> {
    const token = options.token
    switch (options.mistake) {
      case "url":
        new URL(`no url: ${token}`)
        break
      case "message":
        throw new Error(`the token ${token} was refused`)
      case "cause":
        throw new Error("refused", { cause: new Error(token, { cause: { token } }) })
      case "properties":
        throw Object.assign(new Error("refused"), {
          options,
          nested: { headers: [{ authorization: token }] },
          sql: token,
        })
      case "aggregate":
        throw new AggregateError([new Error(token), new Error(`twice ${token}`)], token)
      case "encoded":
        throw new Error(`https://api/?token=${encodeURIComponent(token)}`)
    }
    throw new Error(`there is no mistake called ${options.mistake}`)
  }
}

function begin(): { project: TestProject; heard: string[]; check(...values: unknown[]): void } {
  const project = useProject()
  const heard = eavesdrop()
  const check = (...values: unknown[]) => {
    for (const value of values) expect(everythingOf(value)).not.toContain(canary)
  }
  return { project, heard, check }
}

const mistakes = ["url", "message", "cause", "properties", "aggregate", "encoded"]

test.each(mistakes)("no secret comes out of a _connect that fails with it in its %s", async (mistake) => {
  const { project, heard, check } = begin()
  project.secrets(`[connections.pets]\nport = 1\ntoken = "${canary}"\nmistake = "${mistake}"\n`)
  const failure = await connection("pets", { type: LeakyConnection }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(Error)
  const lazy = await connection("pets", { type: LeakyConnection, lazy: true })
  expect(await lazy.isHealthy()).toBe(false)
  const use = await lazy.use(() => 1).catch((error: unknown) => error)
  await pause(5)
  check(failure, use, lazy.lastError, lazy, heard)
})

test("the error stays the object that was thrown, with its class and code", async () => {
  const { project } = begin()
  project.secrets(`[connections.pets]\nport = 1\ntoken = "${canary}"\nmistake = "url"\n`)
  const failure = await connection("pets", { type: LeakyConnection }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(TypeError)
  expect(failure).toMatchObject({ code: "ERR_INVALID_URL", input: "no url: ***" })
})

test("no secret comes out of work that fails with it", async () => {
  const { project, heard, check } = begin()
  const server = await startPetsServer()
  server.token = canary
  project.secrets(`[connections.pets]\nport = ${server.port}\ntoken = "${canary}"\n`)
  const pets = await connection("pets", { type: PetsConnection })
  const failure = await pets
    .use(({ options }) => {
      throw Object.assign(new Error(`refused: ${options.token}`), { options })
    })
    .catch((error: unknown) => error)
  check(failure, heard, pets)
  // What the client itself still needs is untouched.
  expect((await pets.client).options.token).toBe(canary)
})

test("no secret comes from any source into displays, descriptions, diagnoses, traces and cache files", async () => {
  const { project, heard, check } = begin()
  const folder = join(project.dir, "cache")
  mkdirSync(folder, { mode: 0o700 })
  project.write("secret-file", `${canary}\n`)
  setVariable("CANARY", canary)
  setVariable("MOORING_CONNECTIONS__VARIABLE__PASSWORD", canary)
  setVariable("MOORING_CONNECTIONS__VARIABLE__URL", `postgres://ada@nowhere.invalid/pets`)
  project.secrets(
    [
      `[connections.literal]\nurl = "sqlite:///no/such/pets.db?token=${canary}"\ntoken = "${canary}"`,
      `[connections.url]\nurl = "nonsense://ada:${canary}@localhost/pets"`,
      `[connections.port]\nurl = "duckdb://ada:${canary}@localhost:port/pets"`,
      `[connections.parts]\ndialect = "duckdb"\nusername = "ada"\npassword = "${canary}"\nport = "${canary}"`,
      `[connections.file]\nurl = { file = "../secret-file" }`,
      `[connections.command]\nurl = { command = ["sh", "-c", "echo $CANARY >&2; exit 1"] }`,
      `[connections.filled]\ndialect = "duckdb"\npassword = "\${CANARY}"\nnonsense = "\${CANARY}"`,
      `[connections.missing]\ntype = "nonsense"\ntoken = "${canary}"`,
    ].join("\n"),
  )
  project.write("home/.mooring/secrets.toml", `[connections.home]\npassword = "${canary}"\nbroken = ${canary}\n`)
  useConfiguration({
    cache: { directory: folder },
    secrets: { connections: { coded: { url: `duckdb://u:${canary}@/` } } },
  })
  const names = (await describeConnections()).map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(["literal", "file", "command", "coded", "variable"]))
  check(await describeConnections())
  for (const name of [...names, "home"]) {
    for (const options of [{}, { lazy: true }, { type: "sql" }]) {
      const made = await connection<BaseConnection>(name, options).catch((error: unknown) => error)
      check(made)
    }
    for await (const step of diagnose(name)) check(step)
  }
  const kept = cacheData(async (token: string) => ({ length: token.length }), {
    ttl: "1h",
    persist: "disk",
    key: "pets",
  })
  await kept(canary)
  await pause(20)
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  for (const file of files)
    check(file.name, file.isFile() ? readFileSync(join(file.parentPath, file.name), "latin1") : "")
  expect(files.length).toBeGreaterThan(0)
  check(heard)
  expect(heard.length).toBeGreaterThan(0)
})
