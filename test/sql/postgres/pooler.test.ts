import { spawn } from "node:child_process"
import { accessSync, chmodSync, chownSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { postgres } from "../../../src/sql/dialects/postgres/index.ts"
import { serverUser } from "../../support/postgres-binaries.ts"
import { newPostgresDatabase } from "../../support/postgres-database.ts"
import { useProject } from "../../support/project.ts"
import { until } from "../../support/waiting.ts"
import { failure, noServer } from "./support.ts"

const program = findPgbouncer()

function findPgbouncer(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"]
  return folders
    .map((folder) => join(folder, "pgbouncer"))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** A test behind a pgbouncer in transaction mode: three servers for all clients. */
function behindPooler(name: string, body: () => Promise<void>): void {
  if (noServer || program === undefined) test.skip(`${name}: this machine has no pgbouncer`, () => undefined)
  else test(name, body, 60_000)
}

async function pooled(options: Record<string, unknown> = {}): Promise<SQLConnection> {
  useProject()
  const { host, port, username, database } = await newPostgresDatabase()
  const folder = mkdtempSync(join(tmpdir(), "mooring-pgbouncer-"))
  const own = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port: free } = probe.address() as { port: number }
      probe.close(() => resolve(free))
    })
  })
  const lines = [
    "[databases]",
    `${database} = host=${host} port=${port} user=${username}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${own}`,
    "auth_type = any",
    "pool_mode = transaction",
    "default_pool_size = 3",
    "unix_socket_dir =",
  ]
  const user = serverUser()
  writeFileSync(join(folder, "ini"), `${lines.join("\n")}\n`)
  chmodSync(folder, 0o755)
  if (user) chownSync(folder, user.uid, user.gid)
  const child = spawn(program!, ["-q", join(folder, "ini")], { ...user, stdio: "ignore" })
  onTestFinished(() => {
    child.kill("SIGKILL")
    rmSync(folder, { recursive: true })
  })
  const open = (name: string) =>
    connection<SQLConnection>(name, { type: "sql", dialect: postgres, host, port: own, username, database, ...options })
  await until(() =>
    open("first").then(
      () => true,
      () => false,
    ),
  )
  return open("pets")
}

/** Eight callers at once, each with statements, transactions, streams and aborts. */
async function work(pets: SQLConnection): Promise<void> {
  const worker = async (start: number) => {
    for (let i = start; i < start + 40; i++) {
      expect(await pets.scalar("select :i::int as a", { params: { i }, fresh: true })).toBe(i)
      const { numRows } = await pets.query(i % 2 ? "select 1 as a, 'x' as b" : "select array[1, 2] as a", {
        fresh: true,
      })
      expect(numRows).toBe(1)
      await pets.transaction(async (tx) => {
        await tx.execute("create temporary table t on commit drop as select 1 as a")
        expect(await tx.scalar("select a from t")).toBe(1)
      })
      if (i % 10 > 0) continue
      let count = 0
      for await (const batch of pets.stream("select generate_series(1, 5000) as i", { batchRows: 1000 }))
        count += batch.numRows
      expect(count).toBe(5000)
      expect(await failure(pets.query("select pg_sleep(30)", { timeout: 0.1 }))).toMatchObject({ code: "TIMEOUT" })
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, i) => worker(i * 1000)))
}

behindPooler("behind a pooler in transaction mode, unnamed statements never fail", async () => {
  await work(await pooled({ prepared_statements: "unnamed", pool_size: 8 }))
})

behindPooler("without that setting, reads notice that statements get lost, and keep none from then on", async () => {
  const pets = await pooled({ pool_size: 8 })
  const read = async (i: number) => {
    for (let time = 0; time < 40; time++) {
      expect(await pets.scalar("select :i::int as a", { params: { i }, fresh: true })).toBe(i)
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, i) => read(i)))
})
