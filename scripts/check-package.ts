/**
 * Looks at the package as a user gets it: its declarations and entries by publint and attw, then packed, installed into
 * an empty project without install scripts, imported, type-checked and asked a question.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
const project = mkdtempSync(join(tmpdir(), "mooring-package-"))

function run(command: string, args: readonly string[], cwd = root): string {
  console.log(`$ ${command} ${args.join(" ")}`)
  const { status, stdout } = spawnSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
  if (status === 0) return stdout
  console.error(stdout)
  throw new Error(`${command} ${args[0]} ended with ${status}.`)
}

/** The files of ours that Node loads with an entry: each costs time, however small it is. */
function loadedWith(file: string, loaded = new Set<string>()): Set<string> {
  if (loaded.has(file)) return loaded
  loaded.add(file)
  const text = readFileSync(join(root, "dist", file), "utf8")
  for (const [, next] of text.matchAll(/^(?:import|export)[^;]*? from "\.\/([^"]+)";$/gm)) loadedWith(next!, loaded)
  return loaded
}

try {
  const loaded = [...loadedWith("index.js")]
  // The entry, its two chunks, and the bundler's helpers.
  if (loaded.length > 4) throw new Error(`import "mooring" loads ${loaded.length} files: ${loaded.join(", ")}`)
  run("npx", ["publint", "--strict"])
  run("npx", ["attw", "--pack", ".", "--profile", "esm-only"])

  const packed = run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", project])
  const { filename, files } = Object.values(JSON.parse(packed))[0] as { filename: string; files: { path: string }[] }
  const strays = files
    .map(({ path }) => path)
    .filter((path) => !/^(dist\/|package\.json$|README\.md$|LICENSE$)/.test(path))
  if (strays.length > 0) throw new Error(`The package holds files that do not belong there: ${strays.join(", ")}`)

  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  const version = (name: string): string => `${name}@${devDependencies[name].replace(/^\^/, "")}`
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "smoke", private: true, type: "module" }))
  run("npm", ["install", "--ignore-scripts", join(project, filename)], project)
  writeFileSync(
    join(project, "without-driver.ts"),
    `import { connection, isMooringError } from "mooring"
     try { await connection("pets", { type: "sql", url: "duckdb://" }) } catch (error) {
       if (!isMooringError(error, "DRIVER_MISSING")) throw error
       if (!error.hint?.includes("@duckdb/node-api")) throw new Error(error.hint)
     }`,
  )
  run("node", ["without-driver.ts"], project)
  run(
    "npm",
    ["install", "--ignore-scripts", version("@duckdb/node-api"), version("typescript"), version("@types/node")],
    project,
  )
  // JavaScript and TypeScript at once: the oldest Node that is promised does not read types.
  const smoke = `import { connection } from "mooring"
     import { tableFromRows } from "mooring/tables"
     import { fakeSql, withConnections } from "mooring/testing"
     for (const url of ["duckdb://", "sqlite://"]) {
       const pets = await connection(url, { type: "sql", url })
       const answer = await pets.scalar("select 6 * :n", { params: { n: 7 } })
       if (answer !== 42) throw new Error(url + " says " + String(answer))
     }
     await withConnections({ pets: fakeSql({ "select 1": [{ one: 1 }] }) }, async () => {
       const pets = await connection("pets", { type: "sql" })
       if ((await pets.query("select 1")).numRows !== tableFromRows([{ one: 1 }]).numRows) throw new Error("fake")
     })`
  writeFileSync(join(project, "smoke.ts"), smoke)
  writeFileSync(join(project, "smoke.mjs"), smoke)
  for (const node of ["22.16.0", "24", "26"]) run("npx", ["--yes", `node@${node}`, "smoke.mjs"], project)
  const strict = [
    "--strict",
    "--noEmit",
    "--module",
    "nodenext",
    "--target",
    "es2023",
    "--types",
    "node",
    "--skipLibCheck",
  ]
  run("npx", ["tsc", ...strict, "smoke.ts", "without-driver.ts"], project)
  run("npx", ["mooring", "--version"], project)
  console.log("The package installs, imports, type-checks and answers.")
} finally {
  rmSync(project, { recursive: true, force: true })
}
