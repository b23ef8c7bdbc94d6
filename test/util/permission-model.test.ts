import { expect, test } from "vitest"
import { permissionHint } from "../../src/util/permission-model.ts"
import { builtFile } from "../support/built-file.ts"
import { runScript } from "../support/child.ts"
import { useProject } from "../support/project.ts"

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

test("the hints lead to the flags with which a database in memory works", { timeout: 60_000 }, async () => {
  const project = useProject()
  const script = project.write(
    "read.mjs",
    `import { connection } from ${JSON.stringify(builtFile("index.js"))}
    const pets = await connection("pets", { type: "sql", url: "sqlite://" }).catch(({ hint }) => console.log(hint))
    if (pets) console.log(await pets.scalar("select 1"))
    await pets?.close()`,
  )
  const flags = ["--permission", "--allow-fs-read=*"]
  for (;;) {
    const { stdout, stderr } = await runScript(script, { cwd: project.dir, nodeOptions: flags })
    if (stdout === "1\n") break
    const flag = /^Node's permission model refuses it: start node with (\S+)\.$/m.exec(stdout)?.[1]
    expect(flag, stdout + stderr).toBeDefined()
    expect(flags).not.toContain(flag)
    flags.push(flag!)
  }
  expect(flags.slice(2).map((flag) => flag.replace(/=.*/, ""))).toEqual(["--allow-fs-write", "--allow-worker"])
})
