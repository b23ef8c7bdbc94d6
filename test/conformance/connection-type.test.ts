import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { connection, isMooringError, type MooringError, SQLConnection } from "../../src/index.ts"
import { dialects } from "../../src/sql/index.ts"
import { runScript } from "../support/child.ts"
import { PetsConnection } from "../support/pets-connection.ts"
import { type TestProject, useConfiguration, useProject } from "../support/project.ts"
import { failureOf } from "../support/waiting.ts"

/** Names the type that is taken, without connecting. */
async function typeOf(name: string, options: Record<string, unknown> = {}): Promise<string> {
  return (await connection(name, { lazy: true, ...options })).constructor.name
}

const source = fileURLToPath(new URL("../../src/index.ts", import.meta.url))

/** A module of the project that exports connection classes. */
function writeModule(project: TestProject, path: string): void {
  project.write(
    path,
    `import { BaseConnection } from ${JSON.stringify(source)}
     export class PetsConnection extends BaseConnection { _connect() { return "named" } }
     export default class DefaultConnection extends BaseConnection { _connect() { return "default" } }
     export class NoConnection {}
     export const fortyTwo = 42`,
  )
}

async function refusal(name: string, options: Record<string, unknown> = {}): Promise<MooringError> {
  const failure = await failureOf<MooringError>(connection(name, { lazy: true, ...options }))
  expect(isMooringError(failure)).toBe(true)
  expect(failure.connection).toBe(name)
  expect(failure.hint).toBeTruthy()
  return failure
}

test("B12 first the option type", async () => {
  const project = useProject({ "connections/pets.ts": "" })
  project.secrets('[connections.sql]\ntype = "streamlit.connections.SQLConnection"\nurl = "duckdb://"\n')
  expect(await typeOf("sql", { type: PetsConnection })).toBe("PetsConnection")
})

test("B12 then the section's type", async () => {
  const project = useProject()
  useConfiguration({ types: { mine: async () => PetsConnection } })
  project.secrets('[connections.sql]\ntype = "mine"\nurl = "duckdb://"\n')
  expect(await typeOf("sql")).toBe("PetsConnection")
})

test("B12 then url or dialect, of the section or the options, means SQL", async () => {
  const project = useProject()
  useConfiguration({ types: { pets: async () => PetsConnection } })
  project.secrets('[connections.pets]\nurl = "duckdb://"\n[connections.cats]\ndialect = "duckdb"\n')
  expect(await typeOf("pets")).toBe("SQLConnection")
  expect(await typeOf("cats")).toBe("SQLConnection")
  expect(await typeOf("dogs", { url: "duckdb://" })).toBe("SQLConnection")
})

test("B12 then the name, where it is the name of a type", async () => {
  useProject()
  useConfiguration({ types: { pets: async () => ({ default: PetsConnection }) } })
  expect(await typeOf("pets")).toBe("PetsConnection")
  expect(await typeOf("sql")).toBe("SQLConnection")
})

test("B12 else an error that names what is known, and sees [connection.pets]", async () => {
  const project = useProject()
  project.secrets('[connections.parrots]\nurl = "duckdb://"\n[connection.pets]\nurl = "duckdb://"\n')
  expect(await refusal("parots")).toMatchObject({ code: "NO_CONFIG", hint: expect.stringContaining('"parrots"') })
  const pets = await refusal("pets")
  expect(pets.hint).toContain("[connection.pets], which should be [connections.pets]")
  expect(pets.message).toContain(".mooring/secrets.toml")
  project.secrets('[connections.parrots]\nurl = "duckdb://"\n[connections.pets]\ncolour = "red"\n')
  expect(await refusal("cats")).toMatchObject({
    code: "NO_CONFIG",
    hint: expect.stringContaining("[connections.cats]"),
  })
})

test("B12 the name of a database that Mooring lacks says so, with and without a section, unless another is near", async () => {
  const project = useProject()
  project.secrets(
    '[connections.oracle]\nuser = "ada"\n[connections.Hive]\nurl = "duckdb://"\n[connections.trino]\nurll = "x"\n',
  )
  for (const name of ["snowflake", "oracle"]) {
    const message = `Connection "${name}" is of type ${name}, which is not supported yet.`
    expect(await refusal(name)).toMatchObject({ code: "UNKNOWN_TYPE", message })
  }
  expect(await refusal("hive")).toMatchObject({ code: "NO_CONFIG", hint: 'Did you mean "Hive"?' })
  expect(await refusal("trino")).toMatchObject({ code: "NO_CONFIG", hint: 'Did you mean "url"?' })
})

test("B13 a module path names a class in a file of the project", async () => {
  const project = useProject()
  writeModule(project, "connections/pets.ts")
  project.secrets('[connections.pets]\ntype = "./connections/pets.ts#PetsConnection"\n')
  expect(await typeOf("pets")).toBe("PetsConnection")
  expect(await typeOf("pets", { type: "./connections/pets.ts" })).toBe("DefaultConnection")
  expect(await typeOf("pets", { type: `${project.dir}/connections/pets.ts#PetsConnection` })).toBe("PetsConnection")
})

test("B13 a module path names a class in a package of the project", async () => {
  const project = useProject()
  writeModule(project, "node_modules/@pets/mooring/index.mjs")
  project.write("node_modules/@pets/mooring/package.json", '{ "name": "@pets/mooring", "exports": "./index.mjs" }')
  expect(await typeOf("pets", { type: "@pets/mooring#PetsConnection" })).toBe("PetsConnection")
  expect(await typeOf("pets", { type: "@pets/mooring" })).toBe("DefaultConnection")
})

test("B13 a missing module, a missing export and another class are three clear errors", async () => {
  const project = useProject()
  writeModule(project, "pets.ts")
  const missing = await refusal("pets", { type: "./cats.ts#PetsConnection" })
  expect(missing).toMatchObject({
    code: "UNKNOWN_TYPE",
    message: expect.stringMatching(/\.\/cats\.ts.* was not found/),
  })
  expect(missing.hint).toMatch(/project's folder.*configure\(\{ types/)
  expect(missing.cause).toBeInstanceOf(Error)
  const absent = await refusal("pets", { type: "./pets.ts#PetConnection" })
  expect(absent).toMatchObject({ code: "UNKNOWN_TYPE", message: expect.stringContaining("no export PetConnection") })
  expect(absent.hint).toContain('Did you mean "PetsConnection"?')
  const another = await refusal("pets", { type: "./pets.ts#NoConnection" })
  expect(another).toMatchObject({ code: "NOT_A_CONNECTION", message: expect.stringContaining("BaseConnection") })
  expect(await refusal("pets", { type: "./pets.ts#fortyTwo" })).toMatchObject({ code: "NOT_A_CONNECTION" })
  expect(await refusal("pets", { type: class Pets {} })).toMatchObject({
    code: "NOT_A_CONNECTION",
    message: expect.stringContaining("Pets"),
  })
})

test("B13 a module that fails, or lacks what it imports, is not called missing", async () => {
  const project = useProject()
  project.write("failing.ts", 'throw new Error("the module\'s own mistake")')
  project.write("lacking.ts", 'import "./nowhere.ts"')
  const failing = await refusal("pets", { type: "./failing.ts" })
  expect(failing.message).toContain("cannot be imported")
  expect((failing.cause as Error).message).toBe("the module's own mistake")
  expect((await refusal("pets", { type: "./lacking.ts" })).message).toContain("cannot be imported")
})

test("B13 Streamlit's own paths are the built-ins; another Python path says how to port it", async () => {
  useProject()
  expect(await typeOf("pets", { type: "streamlit.connections.SQLConnection", url: "duckdb://" })).toBe("SQLConnection")
  const failure = await refusal("pets", { type: "my_app.pets.PetsConnection" })
  expect(failure).toMatchObject({ code: "UNKNOWN_TYPE", message: expect.stringContaining("Python class") })
  expect(failure.hint).toMatch(/extends BaseConnection.*#PetsConnection/)
})

test("B13 a module that somebody else could have named is not imported", async () => {
  const project = useProject()
  project.write("pets.ts", 'throw new Error("it was imported")')
  const file = project.write(".mooring/secrets.toml", '[connections.pets]\ntype = "./pets.ts"\n')
  const { chmodSync } = await import("node:fs")
  chmodSync(file, 0o666)
  const failure = await failureOf<MooringError>(connection("pets"))
  expect(failure).toMatchObject({ code: "SECRETS", message: expect.stringContaining('connection "pets"') })
  expect(failure.hint).toContain("chmod")
})

test("B14 an unknown built-in names those that there are, with the nearest spelling", async () => {
  useProject()
  useConfiguration({ types: { github: async () => PetsConnection } })
  const failure = await refusal("pets", { type: "gihub" })
  expect(failure).toMatchObject({ code: "UNKNOWN_TYPE", message: expect.stringContaining('"gihub"') })
  expect(failure.hint).toMatch(/Did you mean "github"\?.*sql.*github/)
  expect((await refusal("pets", { type: 5 })).code).toBe("UNKNOWN_TYPE")
  expect((await refusal("pets", { type: "constructor" })).code).toBe("UNKNOWN_TYPE")
})

test("B15 a missing driver names package, range and the project's own command, and keeps the cause", async () => {
  const project = useProject({ "pnpm-lock.yaml": "", "package.json": '{ "type": "module" }' })
  // A copy of the package in a place from where no driver can be found.
  project.write(
    "hide.mjs",
    `import { registerHooks } from "node:module"
     registerHooks({ resolve(specifier, context, next) {
       if (!specifier.startsWith("@duckdb/")) return next(specifier, context)
       throw Object.assign(new Error("Cannot find package '" + specifier + "' imported from here"), { code: "ERR_MODULE_NOT_FOUND" })
     } })`,
  )
  const script = project.write(
    "main.ts",
    `import { connection } from ${JSON.stringify(source)}
     const failure = await connection("pets", { type: "sql", url: "duckdb://" }).catch((error) => error)
     const { code, message, hint, cause } = failure
     console.log(JSON.stringify({ code, message, hint, cause: cause?.message }))`,
  )
  const { stdout } = await runScript(script, { cwd: project.dir, nodeOptions: ["--import", `${project.dir}/hide.mjs`] })
  const failure = JSON.parse(stdout) as Record<string, string>
  expect(failure.code).toBe("DRIVER_MISSING")
  const { package: name, range } = dialects.find((dialect) => dialect.name === "duckdb")!.driver!
  expect(failure.message).toContain(`${name} (${range})`)
  expect(failure.hint).toContain(`pnpm add ${name}`)
  expect(failure.cause).toContain("Cannot find package")
})

test("a built-in's class and its name are one type", async () => {
  useProject()
  const named = await connection("pets", { type: "sql", url: "duckdb://" })
  expect(await connection("pets", { type: SQLConnection, url: "duckdb://" })).toBe(named)
})
