import { join } from "node:path"
import { fs } from "../util/node.ts"
import { type Data, isTable } from "./guard.ts"
import { executionRefusal } from "./permissions.ts"
import { asText, maxBytes, readSmallFile, Unusable } from "./read-file.ts"

/** `connections/<name>/<key>` */
const levels = 3
const maxEntries = 1000
const maxAttempts = 3

/** What a folder of secrets says. */
export interface FolderContent {
  readonly data: Data
  /** Everything that was looked at: one of these changes when the folder's content does. */
  readonly paths: readonly string[]
  /** Why nothing that is named here may be executed; undefined when it may. */
  readonly refusal: string | undefined
}

/**
 * Reads a folder as Kubernetes and Docker mount them: a folder is a table, a file is a text (white space around it is
 * dropped, as Streamlit does; what is not UTF-8 stays bytes). `connections.<name>/<key>` is short for `connections/<name>/<key>`.
 *
 * Kubernetes shows the files as links through `..data`, and swaps that one link to publish all changes at once: so they
 * are read behind it, in the state of one moment.
 */
export function readFolder(root: string, display: string): FolderContent {
  for (let attempt = 1; ; attempt++) {
    try {
      return readOnce(root, display)
    } catch (error) {
      // The old state is removed right after a swap, perhaps from under this reading.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt === maxAttempts) throw error
    }
  }
}

function readOnce(root: string, display: string): FolderContent {
  const reading: Reading = { display, paths: [root], refusal: undefined, bytes: 0 }
  const published = fs.readdirSync(root).includes("..data") ? join(root, "..data") : undefined
  if (published !== undefined) reading.paths.push(published)
  const data = readLevel(published === undefined ? root : fs.realpathSync(published), reading, 1)
  return { data, paths: reading.paths, refusal: reading.refusal }
}

interface Reading {
  readonly display: string
  readonly paths: string[]
  refusal: string | undefined
  bytes: number
}

function readLevel(folder: string, reading: Reading, level: number): Data {
  reading.paths.push(folder)
  const table: Record<string, unknown> = Object.create(null)
  for (const name of fs.readdirSync(folder).sort()) {
    // `..data`, `..2024_05_01`, editors' and the system's own files.
    if (name.startsWith(".")) continue
    const path = join(folder, name)
    if (reading.paths.length > maxEntries) throw new Unusable(`it has more than ${maxEntries} entries`)
    if (fs.statSync(path).isDirectory()) {
      if (level < levels) addTable(table, name, alone(readLevel(path, reading, level + 1), name, level), level)
    } else {
      add(table, name, readValue(path, name, reading))
    }
  }
  return table
}

/** As in Streamlit, a folder with one file is that file's value: so Kubernetes mounts a secret of one key. */
function alone(content: Data, name: string, level: number): unknown {
  const values = Object.values(content)
  const isSection = level > 1 || name === "connections" || name === "mooring" || name.startsWith("connections.")
  return !isSection && values.length === 1 && !isTable(values[0]) ? values[0] : content
}

function readValue(path: string, name: string, reading: Reading): string | Uint8Array {
  reading.paths.push(path)
  const { bytes, stat } = readSmallFile(path)
  reading.refusal ??= executionRefusal(stat, `${name} in ${reading.display}`)
  reading.bytes += bytes.length
  if (reading.bytes > maxBytes) throw new Unusable(`its files are larger than ${maxBytes / 1024 / 1024} MiB together`)
  return asText(bytes)?.trim() ?? bytes
}

function addTable(table: Record<string, unknown>, name: string, content: unknown, level: number): void {
  const prefix = "connections."
  if (level === 1 && name.startsWith(prefix) && name !== prefix) {
    const connections = (table.connections ??= Object.create(null)) as Record<string, unknown>
    add(connections, name.slice(prefix.length), content)
  } else {
    add(table, name, content)
  }
}

function add(table: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "connections" && typeof table[key] === "object" && typeof value === "object") {
    for (const [name, section] of Object.entries(value as Data))
      add(table[key] as Record<string, unknown>, name, section)
  } else if (key in table) {
    throw new Unusable(`it has ${JSON.stringify(key)} twice`)
  } else {
    Object.defineProperty(table, key, { value, enumerable: true, configurable: true, writable: true })
  }
}
