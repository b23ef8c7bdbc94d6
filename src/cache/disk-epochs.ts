import { randomUUID } from "node:crypto"
import { readdir, readFile, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { sha256 } from "../util/sha256.ts"
import type { CacheKey, CacheRange } from "./contract.ts"
import { rangeKey, rangesOf } from "./key.ts"
import { isMissing, writeWhole } from "./private-folder.ts"

/** More epoch files than this are folded into one. */
const mostFiles = 10_000
/** Only files that nobody has written for so long are folded, in milliseconds. */
const settledAfter = 60_000

/**
 * Epochs that processes share: one small file per invalidated range, holding a random token. The epoch of a key is the
 * tokens of all ranges that hold it, so that whoever invalidates one of them changes it for every process.
 */
export class DiskEpochs {
  readonly #folder: string
  readonly #temporary: () => string
  readonly #mostFiles: number

  /** @param temporary gives a new path on the same file system. */
  constructor(folder: string, temporary: () => string, most: number = mostFiles) {
    this.#folder = folder
    this.#temporary = temporary
    this.#mostFiles = most
  }

  async of(key: CacheKey): Promise<string> {
    const files = ["all", ...rangesOf(key).map(fileOf)]
    return (await Promise.all(files.map((file) => this.#token(file)))).join(".")
  }

  async begin(range: CacheRange): Promise<void> {
    await this.#write(fileOf(range))
  }

  /**
   * Begins a new epoch for everything, then removes the files that it makes redundant. An epoch that was seen before
   * cannot return, since the token of all is a new one.
   */
  async beginAll(): Promise<void> {
    await this.#write("all")
    const settled = Date.now() - settledAfter
    for (const file of await this.#list()) {
      const path = join(this.#folder, file)
      if (file !== "all" && (await writtenAt(path)) < settled) await rm(path, { force: true })
    }
  }

  /** Folds the files into one when there are too many. True when everything was invalidated by that. */
  async fold(): Promise<boolean> {
    if ((await this.#list()).length <= this.#mostFiles) return false
    await this.beginAll()
    return true
  }

  async #token(file: string): Promise<string> {
    try {
      const text = await readFile(join(this.#folder, file), "latin1")
      return /^[0-9a-f-]{36}$/.test(text) ? text : sha256(text)
    } catch (error) {
      if (isMissing(error)) return ""
      throw error
    }
  }

  async #write(file: string): Promise<void> {
    await writeWhole(join(this.#folder, file), this.#temporary(), [Buffer.from(randomUUID(), "latin1")])
  }

  async #list(): Promise<string[]> {
    try {
      return await readdir(this.#folder)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  }
}

function fileOf(range: CacheRange): string {
  return sha256(rangeKey(range))
}

async function writtenAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
