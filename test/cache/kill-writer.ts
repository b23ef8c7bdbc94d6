/** Writes entries until it is killed. Arguments: folder, number of the writer. */
import { DiskStore } from "../../src/cache/disk.ts"
import { keyOf } from "./support.ts"
import { textCodec } from "./text-codec.ts"

const store = new DiskStore({ folder: process.argv[2]!, maxBytes: 20_000_000 })
for (let at = 0; ; at++) {
  const key = keyOf(String(at % 5))
  const text = `${process.argv[3]}.${at} `.repeat(20_000)
  const epoch = await store.epoch(key)
  const entry = { value: text, storedAt: 1, expiresAt: Number.POSITIVE_INFINITY, epoch, bytes: text.length }
  await store.set(key, entry, textCodec)
  if (at === 0) process.stdout.write("writing\n")
}
