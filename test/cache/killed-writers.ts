import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect } from "vitest"
import type { Codec } from "../../src/cache/contract.ts"
import { DiskStore } from "../../src/cache/disk.ts"
import { decodeFile } from "../../src/cache/disk-format.ts"
import { sleep } from "../../src/util/abort.ts"
import { keyOf } from "./support.ts"
import { textCodec } from "./text-codec.ts"

const writer = fileURLToPath(new URL("./kill-writer.ts", import.meta.url))

/** Reads each entry's file as it lies there: a torn one must not even exist. */
async function countWhole(entries: string): Promise<number> {
  const files = (await readdir(entries, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  for (const file of files) expect(decodeFile(await readFile(join(file.parentPath, file.name)))).toBeDefined()
  return files.length
}

/** What killing so many writers did to four readers beside them. */
export async function killWriters(
  kills: number,
): Promise<{ kills: number; reads: number; whole: number; torn: number }> {
  const base = await mkdtemp(join(tmpdir(), "mooring-kill-"))
  const folder = join(base, "cache")
  let done = false
  let reads = 0
  let torn = 0
  let whole = 0
  const counting: Codec<unknown> = {
    ...textCodec,
    decode(bytes) {
      try {
        return textCodec.decode(bytes)
      } catch (error) {
        torn++
        throw error
      }
    },
  }

  async function readOn(): Promise<void> {
    const store = new DiskStore({ folder })
    const seen = new Set<number>()
    while (!done) {
      for (let id = 0; id < 5; id++) {
        const text = (await store.get(keyOf(String(id)), counting))?.value as string | undefined
        if (text === undefined) {
          // Replaced by renaming, an entry that was there once is there for ever.
          if (seen.has(id)) torn++
          continue
        }
        seen.add(id)
        reads++
        const first = text.slice(0, text.indexOf(" ") + 1)
        if (text !== first.repeat(20_000)) torn++
      }
      await sleep(1)
    }
  }

  const readers = [1, 2, 3, 4].map(readOn)
  try {
    for (let kill = 0; kill < kills; kill++) {
      const child = spawn(process.execPath, ["--experimental-strip-types", writer, folder, String(kill)], {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, NODE_NO_WARNINGS: "1" },
      })
      const exited = once(child, "exit")
      await Promise.race([once(child.stdout!, "data"), exited])
      await sleep(Math.random() * 40)
      child.kill("SIGKILL")
      const [, signal] = await exited
      expect(signal).toBe("SIGKILL")
      whole += await countWhole(join(folder, "v1", "entries"))
    }
  } finally {
    done = true
    await Promise.all(readers)
    await rm(base, { recursive: true, force: true })
  }
  return { kills, reads, whole, torn }
}
