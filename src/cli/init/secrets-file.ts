import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { parse, stringify, TomlError } from "smol-toml"
import { MooringError } from "../../index.ts"
import { CommandError } from "../errors.ts"

/** The keys of a section, in the order in which they are written. */
export type Section = Readonly<Record<string, string | number>>

/** The project's `.mooring/secrets.toml`, as it will be. */
export interface SecretsFile {
  readonly path: string
  /** The file has this section already. */
  has(name: string): boolean
  /** Writes the section, readable by nobody else. All that stood in the file stays, but for an older section of this name. */
  write(name: string, section: Section): void
}

/** What people call the file. */
export const secretsFileName = ".mooring/secrets.toml"

/** @throws MooringError `SECRETS` if the file is there and is no TOML. */
export function openSecretsFile(project: string): SecretsFile {
  const path = join(project, ".mooring", "secrets.toml")
  const text = existsSync(path) ? readFileSync(path, "utf8") : ""
  const tables = parseFile(text)
  return {
    path,
    has: (name) => Object.hasOwn(connectionsOf(tables), name),
    write: (name, section) => save(path, withSection(text, name, section)),
  }
}

/**
 * The text of the file with this section in it: in the place of an older one of the name, else at the end.
 *
 * @throws MooringError `SECRETS` if the file is written in a way that cannot be changed line by line.
 */
export function withSection(text: string, name: string, section: Section): string {
  const before = parseFile(text)
  const wanted = { ...before, connections: { ...connectionsOf(before), [name]: section } }
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n")
  const [from, to] = Object.hasOwn(connectionsOf(before), name) ? linesOf(lines, name) : [lines.length, lines.length]
  const head = lines.slice(0, from)
  const tail = lines.slice(to)
  const block = stringify({ connections: { [name]: section } }).trimEnd()
  const parts = [head.join("\n").trimEnd(), block, tail.join("\n").replace(/^\n+/, "")]
  const after = `${parts.filter((part) => part !== "").join("\n\n")}\n`
  if (sameTables(after, wanted)) return after
  throw new MooringError("SECRETS", `${secretsFileName} is written in a way that this command cannot change safely.`, {
    hint: `Write [connections.${name}] into it by hand.`,
  })
}

/** From the section's header to the next one of another section; comments above that one belong to it. */
function linesOf(lines: readonly string[], name: string): [from: number, to: number] {
  const own = new RegExp(`^\\s*\\[\\s*connections\\s*\\.\\s*["']?${escapeForRegExp(name)}["']?\\s*[.\\]]`)
  const from = lines.findIndex((line) => own.test(line))
  if (from === -1) return [lines.length, lines.length]
  let to = lines.findIndex((line, index) => index > from && /^\s*\[/.test(line) && !own.test(line))
  if (to === -1) return [from, lines.length]
  while (to > from + 1 && /^\s*(#|$)/.test(lines[to - 1]!)) to--
  return [from, to]
}

function escapeForRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
}

function sameTables(text: string, wanted: object): boolean {
  try {
    return isDeepStrictEqual(plain(parseFile(text)), plain(wanted))
  } catch {
    return false
  }
}

/** Without the prototypes that tell a parsed table from a written one. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

function parseFile(text: string): Record<string, unknown> {
  try {
    return parse(text, { integersAsBigInt: "asNeeded" })
  } catch (error) {
    // The parser's own message quotes the line, which may hold a password.
    const place = error instanceof TomlError ? ` at line ${error.line}, column ${error.column}` : ""
    throw new MooringError("SECRETS", `${secretsFileName} is not valid TOML${place}.`, {
      hint: "Correct the file first.",
    })
  }
}

function connectionsOf(tables: Record<string, unknown>): Record<string, unknown> {
  const { connections } = tables
  return typeof connections === "object" && connections !== null ? (connections as Record<string, unknown>) : {}
}

/** Never half-written, and at no moment readable by others. */
function save(path: string, text: string): void {
  try {
    // The project's folder exists.
    if (!existsSync(dirname(path))) mkdirSync(dirname(path), { mode: 0o700 })
    const target = existsSync(path) ? realpathSync(path) : path
    const partial = `${target}.${process.pid}.part`
    writeFileSync(partial, text, { mode: 0o600, flag: "wx" })
    chmodSync(partial, 0o600)
    renameSync(partial, target)
  } catch (cause) {
    const hint = "Check the permissions of the project's folder, and that its disk can be written to and has room."
    throw new CommandError(`${secretsFileName} cannot be written: ${(cause as Error).message}`, hint, undefined, {
      cause,
    })
  }
}
