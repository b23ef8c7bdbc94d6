import { expect, test } from "vitest"
import { permissionHint } from "../../src/util/permission-model.ts"

test.each([
  [{ permission: "FileSystemRead", resource: "/x" }, "start node with --allow-fs-read=/x."],
  [{ permission: "FileSystemWrite", resource: "/x" }, "start node with --allow-fs-write=/x."],
  [{ permission: "WorkerThreads", resource: "" }, "start node with --allow-worker."],
  [{ permission: "ChildProcess" }, "start node with --allow-child-process."],
  [{ permission: "Net", resource: "127.0.0.1:5432" }, "start node with --allow-net."],
  [{ permission: "Later" }, "see the flags of node --permission."],
])("%o names its flag", (given, end) => {
  const hint = permissionHint(Object.assign(new Error("denied"), { code: "ERR_ACCESS_DENIED", ...given }))
  expect(hint).toBe(`Node's permission model refuses it: ${end}`)
})

test("other errors have no such hint", () => {
  expect(permissionHint(Object.assign(new Error(), { code: "EACCES" }))).toBeUndefined()
  expect(permissionHint(undefined)).toBeUndefined()
  expect(permissionHint({ code: "ERR_DLOPEN_DISABLED" })).toContain("--allow-addons")
})
