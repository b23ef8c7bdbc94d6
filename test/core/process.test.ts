import { cpSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { runScript } from "../support/child.ts"
import { startPetsServer } from "../support/pets-server.ts"
import { type TestProject, useProject } from "../support/project.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const source = JSON.stringify(join(root, "src/index.ts"))
const petsConnection = JSON.stringify(join(root, "test/support/pets-connection.ts"))

/** A second copy of the package, with the dependencies of the first. */
function copyOfPackage(project: TestProject): string {
  // A folder that is called node_modules would keep Node from reading TypeScript.
  const copy = join(project.dir, "copy")
  mkdirSync(copy)
  cpSync(join(root, "src"), join(copy, "src"), { recursive: true })
  cpSync(join(root, "package.json"), join(copy, "package.json"))
  return copy
}

/** Dependencies of the copy are found where those of the original are. */
function linkPackages(project: TestProject): string {
  return project.write(
    "link.mjs",
    `import { registerHooks } from "node:module"
     const parentURL = ${JSON.stringify(new URL("../../package.json", import.meta.url).href)}
     registerHooks({ resolve(specifier, context, next) {
       return /^[@a-z]/.test(specifier) && !/^(node|file):/.test(specifier)
         ? next(specifier, { ...context, parentURL }) : next(specifier, context)
     } })`,
  )
}

test("a script with connections, caches and watchers ends by itself, with nothing unhandled", async () => {
  const project = useProject()
  const server = await startPetsServer()
  project.secrets(`[connections.pets]\nport = ${server.port}\ntoken = "canary-token"\n`)
  const script = project.write(
    "main.ts",
    `import { cacheData, cacheResource, configure, connection, endSession, secrets, withSession } from ${source}
     import { PetsConnection } from ${petsConnection}
     process.on("unhandledRejection", (reason) => console.log("unhandled", reason))
     configure({ sessionIdle: "1h", cache: { ttl: "1h" } })
     secrets.onChange(() => console.log("changed"))
     const pets = await connection("pets", { type: PetsConnection, ttl: "1h", maxEntries: 5, timeout: "1h" })
     const cats = await connection("cats", { type: "sql", url: "duckdb://" })
     const dogs = await connection("dogs", { type: "sql", url: "sqlite://" })
     await cats.query("select 1", { timeout: "1h" })
     await dogs.query("select 1")
     await withSession("ada", () => connection("mine", { type: PetsConnection, scope: "session", port: ${server.port}, token: "canary-token" }))
     const broken = connection("broken", { type: PetsConnection, port: 1, token: "x" }).catch(() => undefined)
     const left = AbortSignal.abort(new Error("left"))
     await pets.use((client) => client.ask("owner", "cat"), { signal: left }).catch(() => undefined)
     await pets.isHealthy({ timeout: "1h" })
     const owner = cacheData((pet) => pets.owner(pet), { ttl: "1h", staleWhileRevalidate: "1h" })
     console.log(await owner("cat"), await pets.owner("cat", "1h"))
     await cacheResource(() => ({}), { ttl: "1h" })()
     pets.reset()
     await broken`,
  )
  const { code, stdout, stderr } = await runScript(script, { cwd: project.dir, timeoutMs: 20_000 })
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "Ada Ada\n", stderr: "" })
}, 30_000)

test("an idle connection's error never ends the process; the next call works", async () => {
  const project = useProject()
  const server = await startPetsServer()
  const script = project.write(
    "main.ts",
    `import { connection } from ${source}
     import { PetsConnection } from ${petsConnection}
     const pets = await connection("pets", { type: PetsConnection, port: ${server.port}, token: "canary-token" })
     console.log("connected")
     await pets.use((client) => client.ask("break")).catch(({ code }) => console.log(code))
     await new Promise((resolve) => setTimeout(resolve, 50))
     console.log(await pets.owner("cat"))`,
  )
  const { code, stdout, stderr } = await runScript(script, { cwd: project.dir })
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "connected\nECONNRESET\nAda\n", stderr: "" })
})

test("two copies of the package share registry, sessions and configuration, and know each other's errors and classes", async () => {
  const project = useProject()
  const copy = copyOfPackage(project)
  const script = project.write(
    "main.ts",
    `import * as one from ${source}
     import * as two from ${JSON.stringify(join(copy, "src/index.ts"))}
     const told = {}
     told.copies = one.BaseConnection !== two.BaseConnection && one.MooringError !== two.MooringError
     class Pets extends two.BaseConnection {
       static typeKey = "pets@1"
       _connect() { return { raw: true } }
       raw() { return this._instance }
       read() { return this._cached("key", { ttl: "inf" }, async () => Math.random()) }
     }
     const pets = await one.connection("pets", { type: Pets })
     told.sameObject = pets === (await two.connection("pets", { type: Pets }))
     told.builtin = (await one.connection("sql", { type: "sql", url: "sqlite://" })) === (await two.connection("sql", { type: "sql", url: "sqlite://" }))
     two.configure({ types: { mine: async () => Pets } })
     told.configured = (await one.connection("other", { type: "mine" })) instanceof Pets
     await two.withSession("ada", async () => {
       const mine = await one.connection("mine", { type: Pets, scope: "session" })
       told.session = mine === (await two.connection("mine", { type: Pets, scope: "session" }))
     })
     const failure = await two.connection("nothing").catch((error) => error)
     told.error = one.isMooringError(failure, "NO_CONFIG") && failure instanceof one.MooringError
     const refused = await one.connection("pets", { type: class Odd {} }).catch((error) => error)
     told.refused = two.isMooringError(refused, "NOT_A_CONNECTION")
     // A handle of the one whose place was taken by an object of the other.
     class Kept extends one.BaseConnection { static typeKey = "pets@1"; _connect() { return { raw: true } } raw() { return this._instance } }
     const evicted = await two.connection("place", { type: Pets, ttl: 0.01 })
     await new Promise((resolve) => setTimeout(resolve, 30))
     const holder = await one.connection("place", { type: Kept })
     told.place = holder !== evicted && (await holder.raw()) === (await evicted.raw())
     const table = one.Table.empty
     class Tables extends two.BaseConnection {
       _connect() {}
       read() { return this._cached("table", { ttl: "inf" }, async () => table) }
     }
     told.table = (await (await one.connection("tables", { type: Tables })).read()) === table
     await two.closeAll()
     told.closed = (await pets.read().catch((error) => error)).code === "CLOSED"
     told.registry = Symbol.for("mooring.registry@1") in globalThis
     console.log(JSON.stringify(told))`,
  )
  const { stdout, stderr } = await runScript(script, {
    cwd: project.dir,
    nodeOptions: ["--import", linkPackages(project)],
  })
  expect(stderr).toBe("")
  const told = JSON.parse(stdout) as Record<string, boolean>
  expect(Object.entries(told).filter(([, held]) => !held)).toEqual([])
  expect(Object.keys(told)).toHaveLength(11)
})

test("a module that is loaded again, as under hot reload, supersedes its old class", async () => {
  const project = useProject()
  const server = await startPetsServer()
  const module = (answer: string) =>
    `import { PetsConnection } from ${petsConnection}
     export class MyPets extends PetsConnection { version() { return ${JSON.stringify(answer)} } }`
  project.write("pets.ts", module("first"))
  const script = project.write(
    "main.ts",
    `import { writeFileSync } from "node:fs"
     import { connection } from ${source}
     const warnings = []
     process.on("warning", ({ message }) => warnings.push(message))
     const load = async (version) => (await import("./pets.ts?" + version)).MyPets
     const options = { port: ${server.port}, token: "canary-token" }
     const old = await connection("pets", { type: await load(1), ...options })
     writeFileSync(new URL("./pets.ts", import.meta.url), ${JSON.stringify(module("second"))})
     const reloaded = await connection("pets", { type: await load(2), ...options })
     console.log(old.version(), reloaded.version(), await old.owner("cat"), await reloaded.owner("cat"), warnings.length)`,
  )
  const { stdout, stderr, code } = await runScript(script, { cwd: project.dir })
  expect({ stdout, stderr, code }).toEqual({ stdout: "first second Ada Ada 0\n", stderr: "", code: 0 })
})
