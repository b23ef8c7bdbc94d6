import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, onTestFinished, vi } from "vitest"
import { DiskStore } from "../../src/cache/disk.ts"
import { decodeFile } from "../../src/cache/disk-format.ts"
import { configure, connection, type SQLConnection, Table } from "../../src/index.ts"
import { withConnections } from "../../src/testing/index.ts"
import { inMemory, onEveryDatabase, owners, type Pets, selectOwners } from "../support/databases.ts"

const kept = { ttl: 60 } as const

/** Milliseconds by which the clock of all caches is ahead. */
let ahead = 0

/** Runs a test in surroundings of its own, whose clock it moves. */
async function withClock(run: () => Promise<void>): Promise<void> {
  ahead = 0
  const now = Date.now
  const spy = vi.spyOn(Date, "now").mockImplementation(() => now() + ahead)
  onTestFinished(() => spy.mockRestore())
  await withConnections({}, run)
}

/** Keeps results in files beside the database. */
function keepOnDisk({ dir }: Pets): string {
  const folder = join(dir, "cache")
  configure({ cache: { store: new DiskStore({ folder, now: () => Date.now() }) } })
  return folder
}

/** The same database as another process sees it: with the same files, and a memory of its own. */
async function elsewhere<T>({ address, dir, watched }: Pets, work: (pets: SQLConnection) => Promise<T>): Promise<T> {
  return withConnections({}, async () => {
    configure({ cache: { store: new DiskStore({ folder: join(dir, "cache"), now: () => Date.now() }) } })
    return work(await connection<SQLConnection>("pets", { type: "sql", dialect: watched.dialect, ...address }))
  })
}

function entriesIn(folder: string): string[] {
  const entries = join(folder, "v1", "entries")
  if (!existsSync(entries)) return []
  const found = readdirSync(entries, { recursive: true, withFileTypes: true })
  return found.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
}

const options = { within: withClock, except: inMemory("What is in memory never leaves the process.") }

describe("results in a store outside of the process", () => {
  onEveryDatabase(
    "B32 are Arrow IPC with a checksum, which another process reads",
    async (context) => {
      const folder = keepOnDisk(context)
      await context.pets.query(selectOwners, kept)
      const [file, ...others] = entriesIn(folder)
      expect(others).toEqual([])
      const { payload } = decodeFile(readFileSync(file!))!
      expect(Table.fromIPC(payload).toArray()).toEqual(owners)
      expect(await elsewhere(context, (pets) => pets.query(selectOwners, kept).then((t) => t.toArray()))).toEqual(
        owners,
      )
      expect(context.watched.count(selectOwners)).toBe(1)
    },
    options,
  )

  onEveryDatabase(
    "B32 a file that somebody has changed is a miss, never run and never served",
    async (context) => {
      const folder = keepOnDisk(context)
      await context.pets.query(selectOwners, kept)
      const [file] = entriesIn(folder)
      const bytes = readFileSync(file!)
      const at = bytes.indexOf("owl")
      expect(at).toBeGreaterThan(0)
      bytes.write("cow", at)
      writeFileSync(file!, bytes)
      expect(await elsewhere(context, (pets) => pets.query(selectOwners, kept).then((t) => t.toArray()))).toEqual(
        owners,
      )
      expect(context.watched.count(selectOwners)).toBe(2)
    },
    options,
  )

  onEveryDatabase(
    "B33 end with their ttl",
    async (context) => {
      keepOnDisk(context)
      await context.pets.query(selectOwners, kept)
      ahead += 59_000
      await elsewhere(context, (pets) => pets.query(selectOwners, kept))
      expect(context.watched.count(selectOwners)).toBe(1)
      ahead += 2_000
      await elsewhere(context, (pets) => pets.query(selectOwners, kept))
      expect(context.watched.count(selectOwners)).toBe(2)
    },
    options,
  )

  onEveryDatabase(
    "B27 a commit in one process begins a new epoch in the others, whatever their memory holds",
    async (context) => {
      keepOnDisk(context)
      const { pets } = context
      const text = "select count(*) as n from owners"
      expect(await pets.scalar(text, kept)).toBe(2)
      await elsewhere(context, (there) => there.execute("delete from owners where name = 'Ada'"))
      expect(await pets.scalar(text, kept)).toBe(1)
    },
    options,
  )

  onEveryDatabase(
    "B27 clearCache(sql, { params }) forgets results with any limits there, too",
    async (context) => {
      keepOnDisk(context)
      const text = "select name from owners where name = :name"
      const limited = { ...kept, params: { name: "Ada" }, maxRows: 9 }
      await elsewhere(context, (there) => there.query(text, limited))
      await context.pets.clearCache(text, { params: { name: "Ada" } })
      await elsewhere(context, (there) => there.query(text, limited))
      expect(context.watched.statements).toHaveLength(2)
    },
    options,
  )

  onEveryDatabase(
    "B32 what is in memory stays in the process",
    async (context) => {
      const folder = keepOnDisk(context)
      await context.pets.query(selectOwners, kept)
      await context.pets.query(selectOwners, kept)
      expect(context.watched.count(selectOwners)).toBe(1)
      expect(entriesIn(folder)).toEqual([])
    },
    {
      within: withClock,
      except: {
        "duckdb file": "A file is not in memory.",
        "sqlite file": "A file is not in memory.",
        mysql: "A server's data is not in the process.",
        postgresql: "A server's data is not in the process.",
      },
    },
  )
})
