import type { Dirent, Stats } from "node:fs"
import { readdir, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import type { StoreStats } from "./contract.ts"
import { isMissing } from "./private-folder.ts"

/** Temporary files as old as this, in milliseconds, were left by a process that was killed. */
const abandonedAfter = 15 * 60_000

interface Kept {
  readonly path: string
  readonly size: number
  readonly writtenAt: number
}

/**
 * Keeps a folder of entries within its bytes. Several processes write there, so the sum is a guess between two looks at
 * the folder; each looks again after having written an eighth of the bound.
 */
export class DiskRoom {
  readonly #entries: string
  readonly #temporary: string
  readonly #maxBytes: number
  #written = Number.POSITIVE_INFINITY
  #known = 0
  #evictions = 0
  #tidying: Promise<void> | undefined

  constructor(entries: string, temporary: string, maxBytes: number) {
    this.#entries = entries
    this.#temporary = temporary
    this.#maxBytes = maxBytes
  }

  /** Counts a new file and removes the oldest ones where they are too many. */
  async took(bytes: number): Promise<void> {
    this.#written += bytes
    if (this.#written < this.#maxBytes / 8 && this.#known + this.#written <= this.#maxBytes) return
    this.#tidying ??= this.#tidy().finally(() => (this.#tidying = undefined))
    await this.#tidying
  }

  async stats(): Promise<StoreStats> {
    const files = await this.#files()
    return { entries: files.length, bytes: sum(files), evictions: this.#evictions }
  }

  async #tidy(): Promise<void> {
    this.#written = 0
    const files = await this.#files()
    let total = sum(files)
    if (total > this.#maxBytes) {
      files.sort((a, b) => a.writtenAt - b.writtenAt)
      // A tenth more, so that the next entry does not begin this anew; the newest stays, however large.
      for (const { path, size } of files.slice(0, -1)) {
        if (total <= this.#maxBytes * 0.9) break
        await rm(path, { force: true })
        total -= size
        this.#evictions++
      }
    }
    this.#known = total
    await this.#removeAbandoned()
  }

  async #files(): Promise<Kept[]> {
    const files: Kept[] = []
    for (const entry of await readdirOrNone(this.#entries, true)) {
      const path = join(entry.parentPath, entry.name)
      const info = entry.isFile() ? await statOrNone(path) : undefined
      if (info) files.push({ path, size: info.size, writtenAt: info.mtimeMs })
    }
    return files
  }

  async #removeAbandoned(): Promise<void> {
    for (const entry of await readdirOrNone(this.#temporary, false)) {
      const path = join(this.#temporary, entry.name)
      const info = await statOrNone(path)
      if (info && info.mtimeMs < Date.now() - abandonedAfter) await rm(path, { force: true })
    }
  }
}

function sum(files: readonly Kept[]): number {
  return files.reduce((total, { size }) => total + size, 0)
}

async function readdirOrNone(folder: string, recursive: boolean): Promise<Dirent[]> {
  try {
    return await readdir(folder, { recursive, withFileTypes: true })
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** Other processes remove files too. */
async function statOrNone(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch {
    return undefined
  }
}
