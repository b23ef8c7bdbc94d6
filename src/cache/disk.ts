import { randomUUID } from "node:crypto"
import { open, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { sha256 } from "../util/sha256.ts"
import type { CacheKey, CacheRange, CacheStore, Codec, Entry, StoreStats } from "./contract.ts"
import { DiskEpochs } from "./disk-epochs.ts"
import { decodeFile, encodeFile } from "./disk-format.ts"
import { DiskRoom } from "./disk-room.ts"
import { rangeKey } from "./key.ts"
import { isMissing, makePrivateFolder, writeWhole } from "./private-folder.ts"

/** Where and how much a {@link DiskStore} keeps. */
export interface DiskOptions {
  /** An absolute path; `defaultCacheFolder` gives one. Made when it is missing. */
  folder: string
  /** Bytes, of all processes that share the folder; 1 GiB by default. The oldest entries go first. */
  maxBytes?: number | undefined
  /** Milliseconds since 1970; `Date.now` by default. */
  now?: (() => number) | undefined
}

/** Four times the default of the memory. */
export const defaultDiskBytes: number = 1024 ** 3

/**
 * Entries in files that survive the process and are shared by all processes of this user.
 *
 * One file an entry, named by a digest, written whole or not at all, with a checksum over all of it; whatever is torn,
 * tampered with, expired or of an earlier epoch is a miss and is removed. Values are bytes of the codec and are never
 * executed. Files are readable by this user only (0600 in 0700 folders); they are not encrypted.
 */
export class DiskStore implements CacheStore {
  readonly name = "disk"
  readonly location: string
  readonly inProcess = false
  readonly #folder: string
  readonly #entries: string
  readonly #temporary: string
  readonly #epochs: DiskEpochs
  readonly #room: DiskRoom
  readonly #maxBytes: number
  readonly #now: () => number
  #ready: Promise<void> | undefined

  constructor({ folder, maxBytes = defaultDiskBytes, now = Date.now }: DiskOptions) {
    this.location = folder
    this.#folder = folder
    // Another format would have folders of its own, so that two versions of Mooring do not clear each other's.
    this.#entries = join(folder, "v1", "entries")
    this.#temporary = join(folder, "v1", "temporary")
    this.#epochs = new DiskEpochs(join(folder, "v1", "epochs"), this.#temporaryFile)
    this.#room = new DiskRoom(this.#entries, this.#temporary, maxBytes)
    this.#maxBytes = maxBytes
    this.#now = now
  }

  async get<V>(key: CacheKey, codec: Codec<V>): Promise<Entry<V> | undefined> {
    await this.#prepare()
    const path = this.#fileOf(key)
    const file = await readWhole(path, this.#maxBytes)
    if (file === "missing") return undefined
    const entry = file && (await this.#open(key, codec, file))
    // Where a writer has just put a new file in its place, that one goes: a miss more, never a wrong answer.
    if (!entry) await rm(path, { force: true })
    return entry
  }

  async set<V>(key: CacheKey, entry: Entry<V>, codec: Codec<V>): Promise<boolean> {
    await this.#prepare()
    const payload = codec.encode(entry.value)
    const { storedAt, expiresAt, epoch, bytes } = entry
    const header = { key: digestOf(key), codec: codec.id, storedAt, expiresAt, epoch, bytes }
    const parts = encodeFile(header, payload)
    const size = parts[0].length + parts[1].length
    if (size > this.#maxBytes || epoch !== (await this.#epochs.of(key))) return false
    await writeWhole(this.#fileOf(key), this.#temporaryFile(), parts)
    await this.#room.took(size)
    return true
  }

  async epoch(key: CacheKey): Promise<string> {
    await this.#prepare()
    return this.#epochs.of(key)
  }

  async invalidate(range: CacheRange): Promise<void> {
    await this.#prepare()
    await this.#epochs.begin(range)
    await this.#remove(range)
    if (await this.#epochs.fold()) await rm(this.#entries, { recursive: true, force: true })
  }

  /** Of a folder that is not there: nothing. It is not made for this. */
  stats(): Promise<StoreStats> {
    return this.#room.stats()
  }

  async clear(): Promise<void> {
    await this.#prepare()
    await this.#epochs.beginAll()
    await rm(this.#entries, { recursive: true, force: true })
  }

  async #open<V>(key: CacheKey, codec: Codec<V>, file: Uint8Array): Promise<Entry<V> | undefined> {
    const read = decodeFile(file)
    if (!read) return undefined
    const { storedAt, expiresAt, epoch, bytes } = read.header
    if (read.header.key !== digestOf(key) || read.header.codec !== codec.id || expiresAt < this.#now()) return undefined
    if (read.header.unpacked !== undefined) return undefined
    if (epoch !== (await this.#epochs.of(key))) return undefined
    try {
      return { value: codec.decode(read.payload), storedAt, expiresAt, epoch, bytes }
    } catch {
      return undefined
    }
  }

  async #remove(range: CacheRange): Promise<void> {
    const folder = join(this.#entries, sha256(range.scope))
    if (range.group === undefined) return rm(folder, { recursive: true, force: true })
    if (range.id !== undefined) return rm(this.#fileOf(range as CacheKey), { force: true })
    const prefix = groupPrefix(range.group)
    for (const file of await list(folder)) {
      if (file.startsWith(prefix)) await rm(join(folder, file), { force: true })
    }
  }

  /** Once; a failure is forgotten, so that the next call tries afresh. */
  #prepare(): Promise<void> {
    this.#ready ??= this.#makeFolders().catch((error) => {
      this.#ready = undefined
      throw error
    })
    return this.#ready
  }

  async #makeFolders(): Promise<void> {
    for (const folder of [this.#folder, join(this.#folder, "v1"), this.#temporary]) await makePrivateFolder(folder)
  }

  readonly #temporaryFile = (): string => join(this.#temporary, `${process.pid}-${randomUUID()}`)

  #fileOf(key: CacheKey): string {
    return join(this.#entries, sha256(key.scope), `${groupPrefix(key.group)}${digestOf(key)}`)
  }
}

/** Enough of a digest to find a group's files: another group's among them would only be removed too. */
function groupPrefix(group: string): string {
  return `${sha256(group).slice(0, 16)}.`
}

function digestOf(key: CacheKey): string {
  return sha256(rangeKey(key))
}

/** The file's bytes in memory of their own, aligned; undefined for what is no entry: too large, or not a file. */
async function readWhole(path: string, maxBytes: number): Promise<Uint8Array | "missing" | undefined> {
  try {
    const file = await open(path, "r")
    try {
      const info = await file.stat()
      if (!info.isFile() || info.size > maxBytes) return undefined
      const bytes = new Uint8Array(info.size)
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, at, Math.min(bytes.length - at, 2 ** 30), at)
        if (bytesRead === 0) return undefined
        at += bytesRead
      }
      return bytes
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isMissing(error)) return "missing"
    throw error
  }
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
