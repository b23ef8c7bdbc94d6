/**
 * Completes package-lock.json: `npm run lock`.
 *
 * Packages with native code name one optional package per platform. npm leaves those out of the lock that its registry
 * did not have when the lock was made, and `npm ci` then refuses the lock on every machine. They are entered here by the
 * version that their parent asks for, for the platform that their name tells, so that other platforms do not ask for
 * them and their own finds them.
 */
import { readFileSync, writeFileSync } from "node:fs"

interface Entry {
  version?: string
  optional?: boolean
  dev?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"]
const processors = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"]

const path = new URL("../package-lock.json", import.meta.url)
const lock = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, Entry> }
const added: string[] = []
for (const [parent, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  if (parent === "") continue
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (`node_modules/${name}` in lock.packages || `${parent}/node_modules/${name}` in lock.packages) continue
    lock.packages[`node_modules/${name}`] = {
      version: exact(name, version),
      optional: true,
      ...(dev && { dev }),
      ...platform(name),
    }
    added.push(name)
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1))
writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`)
console.log(added.length === 0 ? "The lock is complete." : `Added ${added.length} platform packages to the lock.`)

function exact(name: string, version: string): string {
  if (/^\d+\.\d+\.\d+[\w.+-]*$/.test(version)) return version
  throw new Error(`${name} is asked for as ${version}: enter it into the lock by hand.`)
}

function platform(name: string): Pick<Entry, "os" | "cpu" | "libc"> {
  const words = name.split("/").at(-1)!.split("-")
  const os = systems.find((system) => words.includes(system))
  const cpu = processors.find((processor) => words.includes(processor))
  if (os === undefined || cpu === undefined) return {}
  const libc = words.includes("musl") ? "musl" : words.includes("gnu") ? "glibc" : undefined
  return { os: [os], cpu: [cpu], ...(libc && { libc: [libc] }) }
}
