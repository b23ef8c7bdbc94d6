import { describe, expect, test } from "vitest"
import { type QueryError, type SQLConnection, Table } from "../../src/index.ts"
import { capabilitiesOf } from "../../src/sql/dialect.ts"
import {
  countRows,
  type DialectName,
  inMemory,
  onEveryDatabase,
  openPets,
  owners,
  selectOwners,
  slowQuery,
} from "../support/databases.ts"
import { failureOf, gate, pause, settledFlag, until } from "../support/waiting.ts"
import { BrokenLink, NotReady } from "../support/watched-dialect.ts"

const one = { pool_size: 1, max_overflow: 0, pool_timeout: 5 }

/** Fails at row 300,000 of a million. */
const failsInTheMiddle: Record<DialectName, string> = {
  duckdb: "select case when range = 300000 then error('row 300000 is bad') else range end as i from range(1000000)",
  // A number as large as that fails where divisions by zero are NULL.
  mysql: `select exp(case when i = 300000 then i else 1 end) as i from (${countRows.mysql(1_000_000)}) as n`,
  postgresql: `select case when i = 300000 then 1 / (i - 300000) else i end as i from (${countRows.postgresql(1_000_000)}) as n`,
  sqlite: `select case when i = 300000 then json('[') else i end as i from (${countRows.sqlite(1_000_000)})`,
}

/** How each says that. */
const badRow: Record<DialectName, RegExp> = {
  duckdb: /row 300000 is bad/,
  mysql: /out of range/,
  postgresql: /division by zero/,
  sqlite: /malformed JSON/,
}

/** Rows without an end. */
const endless: Record<DialectName, string> = {
  duckdb: countRows.duckdb(1e15).replace("integer", "bigint"),
  mysql: countRows.mysql(1e15).replace("cast(seq as int)", "seq"),
  postgresql: countRows.postgresql(1e15),
  sqlite: slowQuery.sqlite,
}

/** Works for minutes before its first row. */
const slowStart: Record<DialectName, string> = {
  duckdb: slowQuery.duckdb,
  mysql: slowQuery.mysql,
  postgresql: slowQuery.postgresql,
  sqlite: `select * from (${slowQuery.sqlite}) where i < 0`,
}

/** Nothing is lent, and the pool works. */
async function expectAllGivenBack(pets: SQLConnection): Promise<void> {
  const pool = await pets.engine
  await until(() => pool.stats.idle === pool.stats.size)
  expect(await pets.scalar("select 1 as n")).toBe(1)
}

describe("batches", () => {
  onEveryDatabase("B30 a query of a few rows is one batch of them", async ({ pets }) => {
    const batches: Table[] = []
    for await (const batch of pets.stream(selectOwners)) batches.push(batch)
    expect(batches.map((batch) => batch.toArray())).toEqual([owners])
    await expectAllGivenBack(pets)
  })

  onEveryDatabase("B30 all rows come, in order, in batches of about batchRows", async ({ pets, dialect }) => {
    const seen: number[] = []
    const lengths: number[] = []
    for await (const batch of pets.stream<{ i: number }>(countRows[dialect](10_000), { batchRows: 1000 })) {
      lengths.push(batch.numRows)
      seen.push(...(batch.column("i").toArray() as number[]))
    }
    expect(seen).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
    expect(Math.max(...lengths)).toBeLessThanOrEqual(1000)
  })

  onEveryDatabase("B30 without rows there is a schema all the same", async ({ pets }) => {
    const stream = pets.stream("select name, age from owners where 1 = 0")
    expect((await stream.schema).fields.map(({ name }) => name)).toEqual(["name", "age"])
    let rows = 0
    for await (const batch of stream) rows += batch.numRows
    expect(rows).toBe(0)
    await expectAllGivenBack(pets)
  })

  onEveryDatabase("B30 params are bound and values chosen as in query()", async ({ pets }) => {
    const text = "select age from owners where name = :name"
    const stream = pets.stream(text, { params: { name: "Ada" }, values: { bigint: "string" } })
    for await (const batch of stream) expect(batch.values.bigint).toBe("string")
    expect(await failureOf(() => pets.stream(text, { params: { nom: "Ada" } }))).toMatchObject({
      code: "BAD_PARAMS",
      connection: "pets",
    })
  })

  onEveryDatabase("B30 nothing runs before somebody reads, and nothing is kept", async ({ pets, watched }) => {
    const stream = pets.stream(selectOwners)
    await pause(5)
    expect(watched.statements).toEqual([])
    await stream.schema
    for await (const _ of stream);
    for await (const _ of pets.stream(selectOwners));
    expect(watched.count(selectOwners)).toBe(2)
  })

  onEveryDatabase("B30 can be read once", async ({ pets }) => {
    const stream = pets.stream(selectOwners)
    for await (const _ of stream);
    expect(await failureOf(stream[Symbol.asyncIterator]().next())).toMatchObject({
      code: "SESSION_STATE",
      connection: "pets",
      hint: "Call stream() again.",
    })
    const disposed = pets.stream(selectOwners)
    await disposed[Symbol.asyncDispose]()
    expect(await failureOf(disposed.schema)).toMatchObject({ code: "SESSION_STATE" })
  })
})

describe("back-pressure and leaving", () => {
  onEveryDatabase("B30 the database waits while the reader does", async ({ pets, dialect }) => {
    let batches = 0
    for await (const batch of pets.stream(endless[dialect], { batchRows: 2048 })) {
      expect(batch.numRows).toBeGreaterThan(0)
      await pause(5)
      if (++batches === 5) break
    }
    await expectAllGivenBack(pets)
  })

  onEveryDatabase(
    "B30 break gives the connection back",
    async ({ pets, dialect }) => {
      for (let i = 0; i < 5; i++) {
        for await (const _ of pets.stream(countRows[dialect](1_000_000), { batchRows: 1000 })) break
      }
      await expectAllGivenBack(pets)
    },
    { options: one },
  )

  onEveryDatabase(
    "B30 so do a throw in the loop, and the disposal of what was never read",
    async ({ pets, dialect }) => {
      const mine = new Error("mine")
      const reading = async () => {
        for await (const _ of pets.stream(countRows[dialect](1_000_000), { batchRows: 1000 })) throw mine
      }
      expect(await failureOf(reading)).toBe(mine)
      {
        await using unread = pets.stream(countRows[dialect](1_000_000), { batchRows: 1000 })
        await unread.schema
      }
      await expectAllGivenBack(pets)
    },
    { options: one },
  )

  onEveryDatabase(
    "B30 who disposes of it while somebody reads ends it with an error, not with an end",
    async ({ pets, dialect }) => {
      const stream = pets.stream(countRows[dialect](3_000_000), { batchRows: 1000 })
      const reading = async () => {
        for await (const _ of stream) await pause(1)
      }
      const failure = failureOf(reading)
      await pause(20)
      await stream[Symbol.asyncDispose]()
      expect(await failure).toMatchObject({ code: "SESSION_STATE", connection: "pets" })
      await expectAllGivenBack(pets)
    },
  )

  onEveryDatabase(
    "B30 an abort rejects with the caller's reason, also for a reader that has stopped",
    async ({ pets, dialect }) => {
      const leaving = new AbortController()
      const stream = pets.stream(countRows[dialect](3_000_000), { batchRows: 1000, signal: leaving.signal })
      const reader = stream[Symbol.asyncIterator]()
      await reader.next()
      const reason = { why: "left" }
      leaving.abort(reason)
      await expectAllGivenBack(pets)
      expect(await failureOf(reader.next())).toBe(reason)
    },
  )

  onEveryDatabase("B30 a deadline covers the wait for the first row", async ({ pets, dialect }) => {
    const error = await failureOf(pets.stream(slowStart[dialect], { timeout: 0.1 }).schema)
    expect(error).toMatchObject({ code: "TIMEOUT", connection: "pets" })
    expect(await pets.scalar("select 1 as n")).toBe(1)
  })

  onEveryDatabase("B30 what opens after its reader has left is given back", async ({ pets, watched }) => {
    const held = gate()
    watched.interfere = () => held.promise
    const stream = pets.stream(selectOwners, { timeout: 0.02 })
    expect(await failureOf(stream.schema)).toMatchObject({ code: "TIMEOUT" })
    watched.interfere = undefined
    held.open()
    await expectAllGivenBack(pets)
  })
})

describe("failures", () => {
  onEveryDatabase(
    "B30 a failure in the middle of the rows is an error, after the rows before it",
    async ({ pets, dialect }) => {
      let rows = 0
      const reading = async () => {
        for await (const batch of pets.stream(failsInTheMiddle[dialect], { batchRows: 10_000 })) rows += batch.numRows
      }
      const error = await failureOf<QueryError>(reading)
      expect(error).toMatchObject({ name: "QueryError", connection: "pets", outcome: "failed", attempts: 1 })
      expect(error.message).toMatch(badRow[dialect])
      expect(rows).toBeGreaterThan(0)
      expect(rows).toBeLessThanOrEqual(300_000)
      await expectAllGivenBack(pets)
    },
  )

  onEveryDatabase("B30 a wrong statement is an error at the first look, and tells its kind", async ({ pets }) => {
    expect(await failureOf(pets.stream("selec 1").schema)).toMatchObject({ kind: "syntax", attempts: 1 })
    expect(await failureOf(pets.stream("select * from nowhere")[Symbol.asyncIterator]().next())).toMatchObject({
      kind: "missing",
      connection: "pets",
    })
    await expectAllGivenBack(pets)
  })

  onEveryDatabase("B30 is begun again before its first row", async ({ pets, watched }) => {
    let failures = 2
    watched.interfere = () => (failures-- > 0 ? Promise.reject(new NotReady("starting up")) : undefined)
    let rows = 0
    for await (const batch of pets.stream(selectOwners)) rows += batch.numRows
    expect(rows).toBe(2)
    expect(watched.count(selectOwners)).toBe(3)
  })

  onEveryDatabase(
    "B30 after a broken link, on a fresh connection",
    async ({ pets, watched }) => {
      const { opened, made } = watched
      let failures = 1
      watched.interfere = () => (failures-- > 0 ? Promise.reject(new BrokenLink("gone")) : undefined)
      let rows = 0
      for await (const batch of pets.stream(selectOwners)) rows += batch.numRows
      expect(rows).toBe(2)
      expect(watched.made).toBeGreaterThan(made)
      // A database of this process went with the link, and is opened anew; a server did not.
      expect(watched.opened).toBe(opened + (capabilitiesOf(watched.dialect).embedded ? 1 : 0))
    },
    { except: inMemory("A broken link takes the database in memory with it.") },
  )
})

describe("exports", () => {
  onEveryDatabase("B30 toIPC() is an answer to a request, and a table again", async ({ pets }) => {
    const response = new Response(pets.stream(selectOwners, { batchRows: 1 }).toIPC())
    expect(Table.fromIPC(await response.arrayBuffer()).toArray()).toEqual(owners)
    const empty = new Response(pets.stream("select name from owners where 1 = 0").toIPC())
    expect(Table.fromIPC(await empty.arrayBuffer()).names).toEqual(["name"])
    await expectAllGivenBack(pets)
  })

  onEveryDatabase("B30 toCSV() and toNDJSON() likewise", async ({ pets }) => {
    const csv = await new Response(pets.stream(selectOwners).toCSV()).text()
    expect(csv).toBe("name,pet,age\r\nAda,owl,36\r\nBob,cat,7\r\n")
    const lines = (await new Response(pets.stream(selectOwners).toNDJSON()).text()).trim().split("\n")
    expect(lines.map((line) => JSON.parse(line))).toEqual(owners)
  })

  onEveryDatabase(
    "B30 nothing runs before the answer is read; who leaves gives the connection back",
    async ({ pets, dialect, watched }) => {
      const reader = pets.stream(countRows[dialect](3_000_000), { batchRows: 1000 }).toNDJSON().getReader()
      await pause(5)
      expect(watched.statements).toEqual([])
      await reader.read()
      await reader.cancel()
      await expectAllGivenBack(pets)
    },
  )

  onEveryDatabase("B30 who leaves before the first row ends the query", async ({ pets, dialect }) => {
    const reader = pets.stream(slowStart[dialect]).toCSV().getReader()
    const reading = reader.read().catch(() => undefined)
    await pause(50)
    const settled = settledFlag(reading)
    await reader.cancel()
    await until(settled)
    expect(await pets.scalar("select 1 as n")).toBe(1)
  })

  onEveryDatabase("B30 a failure in the middle fails the answer", async ({ pets, dialect }) => {
    const response = new Response(pets.stream(failsInTheMiddle[dialect]).toCSV())
    expect(await failureOf(response.text())).toMatchObject({ name: "QueryError" })
  })
})

test("B30 a stream that nobody begins to read keeps nothing: no timer, no listener", async () => {
  const { pets } = await openPets("sqlite in memory")
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++
    add(...args)
  }
  // Those of other connections may still run.
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
  const before = timers()
  pets.stream(selectOwners, { signal, timeout: "1h" })
  expect(listeners).toBe(0)
  expect(timers()).toBe(before)
})
