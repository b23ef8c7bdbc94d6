import { execFile } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished } from "vitest"
import { answers, freePort } from "../support/daemon.ts"
import { testWith } from "../support/server-test.ts"

const ports = ["MOORING_POSTGRESQL_PORT", "MOORING_MARIADB_PORT", "MOORING_REDIS_PORT"]

/** The command, with ports and a folder that are the test's own. */
async function services(): Promise<{
  ports: number[]
  folder: string
  run(command: string): Promise<{ status: number; stdout: string; stderr: string }>
}> {
  const free = [await freePort(), await freePort(), await freePort()]
  const folder = mkdtempSync(join(tmpdir(), "mooring-services-test-"))
  // A server that is another user has to pass through.
  chmodSync(folder, 0o755)
  const env = { ...process.env, TMPDIR: folder, ...Object.fromEntries(ports.map((name, i) => [name, `${free[i]}`])) }
  const run = (command: string) =>
    new Promise<{ status: number; stdout: string; stderr: string }>((resolve) => {
      execFile("sh", ["scripts/services", command], { env }, (error, stdout, stderr) =>
        resolve({ status: Number(error?.code ?? 0), stdout, stderr }),
      )
    })
  onTestFinished(async () => {
    await run("down")
    rmSync(folder, { recursive: true, force: true })
  })
  return { ports: free, folder, run }
}

const test = testWith("postgresql", "mariadb", "redis")

test("up starts what does not run, status tells, and down leaves nothing", async () => {
  const { ports, folder, run } = await services()
  const [postgresql, mariadb, redis] = [
    `postgresql://postgres@127.0.0.1:${ports[0]}/postgres`,
    `mariadb://mooring:harbour@127.0.0.1:${ports[1]}/mooring`,
    `redis://127.0.0.1:${ports[2]}`,
  ]
  const other = createServer().listen(ports[1], "127.0.0.1")
  await once(other, "listening")
  const first = await run("up")
  other.close()
  expect(first.stdout).toBe(`postgresql: ${postgresql}\nredis: ${redis}\n`)
  expect(first.stderr).toMatch(new RegExp(`^mariadb: .*port ${ports[1]} is another server's`))
  expect(first.status).toBe(1)
  expect(await run("up")).toMatchObject({
    stdout: `postgresql: runs already, ${postgresql}\nmariadb: ${mariadb}\nredis: runs already, ${redis}\n`,
    stderr: "",
    status: 0,
  })
  expect((await run("status")).stdout).toBe(`postgresql: ${postgresql}\nmariadb: ${mariadb}\nredis: ${redis}\n`)
  expect((await run("down")).stdout).toBe("postgresql: stopped\nmariadb: stopped\nredis: stopped\n")
  expect(await Promise.all(ports.map(answers))).toEqual([false, false, false])
  expect(readdirSync(folder)).toEqual([])
  expect((await run("status")).stdout).toBe("postgresql: not running\nmariadb: not running\nredis: not running\n")
}, 120_000)
