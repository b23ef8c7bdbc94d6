import { DatabaseSync } from "node:sqlite"
import { afterEach, beforeEach, expect, test } from "vitest"
import { databaseFile } from "./support.ts"

/** What the dialect relies on, or guards against, in `node:sqlite` itself: an upgrade that changes it fails here. */

let handle: DatabaseSync

beforeEach(() => {
  handle = new DatabaseSync(":memory:")
})

afterEach(() => handle.close())

test("prepare() takes the first of several statements, and sourceSQL shows where it ends", () => {
  expect(handle.prepare("select 'é🎈' ; select 2").sourceSQL).toBe("select 'é🎈' ;")
  expect(handle.prepare(" -- a\n select 1 /* b */").sourceSQL).toBe(" -- a\n select 1 /* b */")
})

test("missing values are NULL, a lone Date is NULL, and each number is a REAL", () => {
  const select = handle.prepare("select typeof(?) as a, typeof(?) as b")
  expect(select.get(1)).toMatchObject({ a: "real", b: "null" })
  expect(handle.prepare("select typeof(?) as a").get(new Date() as never)).toMatchObject({ a: "null" })
  expect(select.get(1n, Number.NaN)).toMatchObject({ a: "integer", b: "null" })
})

test("an object binds numbered placeholders by their bare numbers", () => {
  for (const text of ["select $2 as b, $1 as a", "select ?2 as b, ?1 as a"]) {
    expect(handle.prepare(text).get({ 1: "x", 2: "y" })).toMatchObject({ a: "x", b: "y" })
  }
})

test("a value too many is refused", () => {
  expect(() => handle.prepare("select ?").get(1n, 2n)).toThrow(expect.objectContaining({ errcode: 25 }))
})

test("columns() after the first step knows of a change by somebody else", () => {
  const file = databaseFile("create table t (a)", "insert into t values (1)")
  const one = new DatabaseSync(file)
  const two = new DatabaseSync(file)
  const select = one.prepare("select * from t")
  select.setReturnArrays(true)
  expect([...select.iterate()]).toEqual([[1]])
  two.exec("alter table t add column b text default 'x'")
  const rows = select.iterate()
  expect(rows.next().value).toEqual([1, "x"])
  expect(select.columns().map(({ name, type }) => [name, type])).toEqual([
    ["a", null],
    ["b", "TEXT"],
  ])
  rows.return?.()
  one.close()
  two.close()
})

test("an iterator that was ended leaves its statement ready", () => {
  const select = handle.prepare("values (1), (2)")
  select.setReturnArrays(true)
  const rows = select.iterate()
  rows.next()
  rows.return?.()
  expect([...select.iterate()]).toEqual([[1], [2]])
})

test("with bigints, an INTEGER and a REAL of one value are told apart", () => {
  const select = handle.prepare("select 1 as i, 1.0 as r")
  select.setReadBigInts(true)
  expect(select.get()).toMatchObject({ i: 1n, r: 1 })
})

test("a read-only handle alone still makes temporary tables and attaches files", () => {
  const file = databaseFile("create table t (x)")
  const readOnly = new DatabaseSync(file, { readOnly: true })
  readOnly.exec("create temp table u (x); insert into u values (1)")
  readOnly.exec("attach ':memory:' as other")
  readOnly.close()
})

test("a database of the VFS memdb is shared by its name, and a read-only handle of it refuses to write", () => {
  const name = "file:/mooring-golden?vfs=memdb"
  const one = new DatabaseSync(name)
  one.exec("create table t (x)")
  const two = new DatabaseSync(name, { readOnly: true })
  expect(two.prepare("select count(*) as n from t").get()).toMatchObject({ n: 0 })
  expect(() => two.exec("insert into t values (1)")).toThrow(expect.objectContaining({ errcode: 8 }))
  one.close()
  two.close()
})
