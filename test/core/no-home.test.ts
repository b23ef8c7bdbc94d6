import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, test } from "vitest"
import { runScript } from "../support/child.ts"
import { newPostgresDatabase } from "../support/postgres-database.ts"
import { useProject } from "../support/project.ts"
import { testWith } from "../support/server-test.ts"

/** As for a user whom the system does not know, in a container. */
const nobody = `
  import os from "node:os"
  import { syncBuiltinESMExports } from "node:module"
  const unknown = () => { throw Object.assign(new Error("ENOENT"), { code: "ERR_SYSTEM_ERROR" }) }
  os.homedir = os.userInfo = unknown
  syncBuiltinESMExports()
`

const source = pathToFileURL(join(import.meta.dirname, "../../src/index.ts")).href

// In /proc, a folder exists in which every new one is reported to be missing.
test.each(["/proc", "/dev/null"])("with the home folder %s there is one warning and no cache on disk", async (home) => {
  const project = useProject()
  const script = project.write(
    "keep.ts",
    `const { cacheData, clearCaches } = await import(${JSON.stringify(source)})
    const kept = cacheData(async (x: number) => x + 1, { ttl: "1h", persist: "disk", key: "kept" })
    console.log(await kept(1), await kept(1), await kept(2))
    await kept.clear()
    await clearCaches("disk").catch((error) => console.log(error.code, error.hint))`,
  )
  const env = { HOME: home, USERPROFILE: home, LOCALAPPDATA: undefined, XDG_CACHE_HOME: undefined }
  const { stdout, stderr, code } = await runScript(script, { cwd: project.dir, env })
  expect({ code, stdout }, stderr).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^2 2 3\nCACHE Check that \S+ can be written to.\n$/),
  })
  expect(stderr.match(/MooringWarning: .*/g)).toEqual([expect.stringContaining('The cache "disk" failed: EN')])
})

testWith("postgresql")("a user without a home folder and a name reads a database and keeps results", async () => {
  const { host, port, username, database } = await newPostgresDatabase()
  const url = `postgresql://${username}@${host}:${port}/${database}`
  const project = useProject()
  const script = project.write(
    "read.ts",
    `${nobody}
    const { cacheData, connection, configure, describeConnections, secrets } = await import(${JSON.stringify(source)})
    const pg = await connection("pg", { type: "sql", url: ${JSON.stringify(url)}, query_ttl: 60 })
    console.log(await pg.scalar("select 1 as one"))
    const kept = cacheData(async (x: number) => x + 1, { ttl: "1h", persist: "disk", key: "kept" })
    console.log(await kept(1), await kept(1), Object.keys(secrets).length, (await describeConnections()).length)
    await kept.clear()
    for (const url of ["postgresql://127.0.0.1:1/pets", "mysql://127.0.0.1:1/pets"])
      await connection("nameless", { type: "sql", url }).catch((error) => console.log(error.code, error.hint))
    await pg.close()`,
  )
  const env = { HOME: undefined, XDG_CACHE_HOME: undefined, PGUSER: undefined, PGPASSFILE: undefined }
  const { stdout, stderr, code } = await runScript(script, { cwd: project.dir, env })
  expect({ code, stdout }, stderr).toEqual({
    code: 0,
    stdout: [
      "1\n2 2 0 0",
      "BAD_CONFIG Give username, or a url that has it.",
      "BAD_CONFIG Give username, or a url that has it.\n",
    ].join("\n"),
  })
  expect(stderr.match(/no home folder/g)).toHaveLength(1)
})
