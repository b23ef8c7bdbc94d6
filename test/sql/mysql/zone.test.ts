import fc from "fast-check"
import { describe, expect, onTestFinished, test } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { zoneNamed } from "../../../src/sql/dialects/mysql/zone.ts"
import { newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { onServer } from "./support.ts"

async function withZone(zone: string): Promise<SQLConnection> {
  const { username, ...address } = await newMariaDBDatabase()
  const options = { type: "sql", dialect: "mysql", username, ...address, time_zone: zone, pool_size: 1 } as const
  const pets = (await connection(`zone ${zone}`, options)) as SQLConnection
  onTestFinished(() => pets.close())
  await pets.execute("create table times (id int, t timestamp(6) null, d datetime(6))")
  return pets
}

for (const zone of ["+02:00", "-09:30", "+00:00"]) {
  onServer(`in the zone ${zone} a Date is the same instant on the server, however it comes and goes`, async () => {
    const pets = await withZone(zone)
    const instants = ["2026-08-25T10:00:00.000Z", "2024-02-29T23:30:00.125Z", "1999-12-31T22:59:59.999Z"]
    const sets = instants.map((at, id) => ({ id, at: new Date(at) }))
    await pets.execute("insert into times values (:id, :at, :at)", sets)
    const expected = sets.map(({ id, at }) => ({ id, t: at, d: at }))
    const text = "select id, t, d from times order by id"
    expect((await pets.query(text)).toArray()).toEqual(expected)
    const streamed: unknown[] = []
    for await (const batch of pets.stream(text, { batchRows: 2 })) streamed.push(...batch.toArray())
    expect(streamed).toEqual(expected)
    // No clock is involved here.
    const stamps = (await pets.query<{ s: string }>("select unix_timestamp(t) as s from times order by id")).toArray()
    expect(stamps.map(({ s }) => Number(s) * 1000)).toEqual(sets.map(({ at }) => at.getTime()))
    const near = "select abs(timestampdiff(second, :now, now())) < 60"
    expect(await pets.scalar(near, { params: { now: new Date() } })).toBe(1)
    // What a date and a time say has no zone.
    const local = (await pets.query("select date '2026-01-31' as d, cast('10:00' as time) as t")).toArray()
    expect(local).toEqual((await pets.query("select date '2026-01-31' as d, cast('10:00' as time) as t")).toArray())
  })
}

onServer("a session that sets another zone reads and writes on that clock, a function that does as well", async () => {
  const pets = await withZone("+00:00")
  const at = new Date("2026-08-25T10:00:00Z")
  await pets.execute("create function moves() returns int begin set time_zone = '+05:00'; return 1; end")
  for (const text of ["set time_zone = '+05:00'", "select moves()"]) {
    await pets.transaction(async (tx) => {
      await tx.execute("delete from times")
      await tx.execute(text)
      await tx.execute("insert into times (t, d) values (:at, :at)", { at })
      expect((await tx.query("select t, d, cast(d as char(19)) as shown from times")).toArray(), text).toEqual([
        { t: at, d: at, shown: "2026-08-25 15:00:00" },
      ])
    })
    expect(await pets.scalar("select t from times"), text).toEqual(at)
  }
})

describe("a zone with summer time", () => {
  const berlin = zoneNamed("Europe/Berlin")!
  const seconds = (at: string) => Date.parse(at) / 1000

  test("has its offset at each instant, and back, but for the hour that comes twice", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (instant) => {
        const wall = instant + berlin.offsetAt(instant)
        const back = wall - berlin.offsetAtWall(wall)
        expect([instant, instant - 3600]).toContain(back)
        expect(back + berlin.offsetAt(back)).toBe(wall)
      }),
    )
    expect(berlin.offsetAtWall(seconds("2026-10-25T02:30:00Z"))).toBe(7200)
    expect(berlin.offsetAtWall(seconds("2026-10-25T03:30:00Z"))).toBe(3600)
    expect(berlin.offsetAtWall(seconds("2026-07-01T00:00:00Z"))).toBe(7200)
  })

  test("is not made up where only the server knows it", () => {
    for (const name of ["SYSTEM", "", "Mars/Olympus"]) expect(zoneNamed(name)).toBeUndefined()
  })
})
