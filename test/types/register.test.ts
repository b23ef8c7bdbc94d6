import { join } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { expect, test } from "vitest"

const root = fileURLToPath(new URL("../..", import.meta.url))
const copy = join(root, "copy-of-mooring")

/** What is wrong with a program that has this one file, as its user would see it. `copy-of-mooring` is a second copy. */
function mistakesIn(text: string): string[] {
  const unreadable = () => undefined
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, "tsconfig.json"),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: unreadable },
  )!
  const program = join(root, "test/types/program.ts")
  const original = (path: string) => (path.startsWith(copy) ? join(root, path.slice(copy.length)) : path)
  const read = (path: string) => (path === program ? text : ts.sys.readFile(original(path)))
  const options = {
    ...config.options,
    noEmit: true,
    noUnusedLocals: false,
    paths: { ...config.options.paths, "copy-of-mooring": [join(copy, "src/index.ts")] },
  }
  const host = ts.createCompilerHost(options)
  host.readFile = read
  host.fileExists = (path) => path === program || ts.sys.fileExists(original(path))
  host.directoryExists = (path) => ts.sys.directoryExists(original(path))
  host.realpath = (path) => path
  host.getSourceFile = (path, target) => {
    const source = read(path)
    return source === undefined ? undefined : ts.createSourceFile(path, source, target)
  }
  const made = ts.createProgram([program], options, host)
  const file = made.getSourceFile(program)!
  const all = [...made.getSyntacticDiagnostics(file), ...made.getSemanticDiagnostics(file)]
  return all.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))
}

const helpers = `import type { BaseConnection, SQLConnection } from "mooring"
import { same } from ${JSON.stringify("./expect.ts")}
interface PetsDB { owners: { name: string; pet: string } }
`

test("registered names give their classes; others are BaseConnection", { timeout: 120_000 }, () => {
  const program = `${helpers}
import { connection } from "mooring"
declare module "mooring" {
  interface Register { connections: { pets: SQLConnection<PetsDB> } }
}
const pets = await connection("pets")
same<typeof pets, SQLConnection<PetsDB>>()
const typed = await connection("pets", { type: "sql", ttl: "1h" })
same<typeof typed, SQLConnection<PetsDB>>()
const dogs = await connection("dogs")
same<typeof dogs, BaseConnection>()
const cats = await connection("cats", { type: "sql" })
same<typeof cats, SQLConnection>()
const wrong: number = await connection("pets")
`
  const mistakes = mistakesIn(program)
  expect(mistakes).toHaveLength(1)
  expect(mistakes[0]).toContain("not assignable to type 'number'")
})

test("a class that is made with another copy of the package is accepted", { timeout: 120_000 }, () => {
  const program = `${helpers}
import { connection } from "mooring"
import * as other from "copy-of-mooring"
class OtherPets extends other.BaseConnection<string, { token: string }> {
  protected _connect({ token }: { token: string }) { return token }
  owners() { return this._use((raw) => raw.length) }
}
const pets = await connection("pets", { type: OtherPets, token: "t" })
same<typeof pets, OtherPets>()
const own: BaseConnection = pets
`
  const mistakes = mistakesIn(program)
  // Private parts make the classes of two copies differ, which is what shows that these are two.
  expect(mistakes).toHaveLength(1)
  expect(mistakes[0]).toContain("missing the following properties from type 'BaseConnection")
})

test("a mistake in the options is named as what it is", { timeout: 120_000 }, () => {
  const program = `${helpers}
import { connection, BaseConnection as Base } from "mooring"
class Weather extends Base<number, { base: string }> { protected _connect() { return 1 } }
await connection("a", { type: Weather, bsae: "x" })
await connection("b", { type: "sql", pool_size: "many" })
await connection("c", { type: "sql", pool: { pool_sise: 3 } })
await connection("d", { type: Date })
await connection("e", { type: "./weather.ts#Weather", anything: 1 })
await connection("f", { type: "sqll" })
`
  expect(mistakesIn(program)).toEqual([
    expect.stringContaining("'bsae' does not exist in type"),
    "Type 'string' is not assignable to type 'number'.",
    expect.stringContaining("Did you mean to write 'pool_size'?"),
    expect.stringContaining("Type 'DateConstructor' is not assignable to type 'ConnectionType'"),
  ])
})
