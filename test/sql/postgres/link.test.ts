import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect as connectSocket, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { postgres } from "../../../src/sql/dialects/postgres/index.ts"
import { setVariable } from "../../support/project.ts"
import { hearWarnings, pause } from "../../support/waiting.ts"
import {
  config,
  connect,
  connectTo,
  execute,
  failure,
  never,
  onServer,
  open,
  query,
  reading,
  rows,
  server,
} from "./support.ts"

const lost = { action: "lost", kind: "connection" }

/** A proxy in front of the server whose links can be made to swallow everything, or to break. */
async function proxy() {
  const { port } = await server()
  const links = new Set<Socket>()
  const state = { swallow: false }
  const listener = createServer((near) => {
    const far = connectSocket(port, "127.0.0.1")
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      links.add(from)
      from.on("data", (data) => state.swallow || to.write(data))
      from.on("error", () => to.destroy())
      from.on("close", () => state.swallow || to.destroy())
    }
  })
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve))
  const close = () => links.forEach((link) => void link.destroy())
  onTestFinished(() => {
    state.swallow = false
    close()
    listener.close()
  })
  const reset = () => links.forEach((link) => void link.resetAndDestroy())
  return { port: (listener.address() as { port: number }).port, state, close, reset }
}

onServer("dead connections are told as such, however they died", async () => {
  const other = await connect()
  const kill = async (pid: number) => void (await execute(other, "select pg_terminate_backend($1)", pid))
  const pidOf = async (connection: Awaited<ReturnType<typeof connect>>) =>
    ((await rows(connection, "select pg_backend_pid() as pid")) as [{ pid: number }])[0].pid

  // While a statement runs: the server says why.
  const first = await connect()
  const pid = await pidOf(first)
  const running = failure(query(first, "select pg_sleep(60)"))
  await new Promise((resolve) => setTimeout(resolve, 100))
  await kill(pid)
  expect(postgres.classify(await running)).toMatchObject({ ...lost, sqlState: "57P01" })
  expect(first.usable).toBe(false)

  // While it is idle: pg has no code for it.
  const second = await connect()
  await kill(await pidOf(second))
  await expect.poll(() => second.usable).toBe(false)
  expect(postgres.classify(await failure(query(second, "select 1")))).toMatchObject(lost)

  // A link that breaks without a word, between statements and within one.
  for (const end of ["reset", "close"] as const) {
    const broken = await proxy()
    const third = await connect({ port: broken.port })
    const asking = failure(query(third, "select pg_sleep(60)"))
    await new Promise((resolve) => setTimeout(resolve, 100))
    broken[end]()
    expect(postgres.classify(await asking), end).toMatchObject(lost)
    expect(postgres.classify(await failure(query(third, "select 1"))), end).toMatchObject(lost)
    expect(third.usable).toBe(false)
  }

  // After close().
  const fourth = await connect()
  await fourth.close()
  expect(fourth.usable).toBe(false)
  expect(postgres.classify(await failure(query(fourth, "select 1")))).toMatchObject(lost)
})

onServer("a link that swallows everything ends an aborted statement, and is given up", async () => {
  const { port, state } = await proxy()
  const connection = await connect({ port })
  await query(connection, "select 1")
  state.swallow = true
  const controller = new AbortController()
  const reason = new Error("too late")
  const asked = failure(connection.run({ text: "select 1", values: [] }, { ...reading, signal: controller.signal }))
  await new Promise((resolve) => setTimeout(resolve, 20))
  controller.abort(reason)
  expect(await asked).toBe(reason)
  expect(connection.usable).toBe(false)
})

onServer("a link that swallows everything ends what undoes another caller's transaction, and is given up", async () => {
  const { port, state } = await proxy()
  const connection = await connect({ port })
  await execute(connection, "begin")
  state.swallow = true
  const controller = new AbortController()
  const reason = new Error("too late")
  const asked = failure(connection.run({ text: "select 1", values: [] }, { ...reading, signal: controller.signal }))
  await pause(20)
  controller.abort(reason)
  expect(await asked).toBe(reason)
  expect(connection.usable).toBe(false)
})

onServer("close cuts a running statement off, also on a link that swallows everything", async () => {
  for (const swallow of [false, true]) {
    const { port, state } = await proxy()
    const connection = await connect({ port })
    const asked = failure(query(connection, "select pg_sleep(60)"))
    await new Promise((resolve) => setTimeout(resolve, 50))
    state.swallow = swallow
    await connection.close()
    expect(await asked).toMatchObject({ code: "ABORTED" })
  }
})

onServer("an abort while it connects ends the connect", async () => {
  const { port, state } = await proxy()
  state.swallow = true
  const database = await open({ port })
  const controller = new AbortController()
  const reason = new Error("too late")
  const connecting = failure(database.connect({ signal: controller.signal }))
  setTimeout(() => controller.abort(reason), 50)
  expect(await connecting).toBe(reason)
  const slow = await open({ port, settings: { connect_timeout: 100 } })
  expect(postgres.classify(await failure(slow.connect({ signal: never })))).toMatchObject({
    ...lost,
    message: "The server did not answer in time.",
    hint: expect.stringContaining("host and port"),
  })
})

onServer("nobody listens, no such host, wrong names: errors that tell what to do", async () => {
  const attempt = async (changes: Parameters<typeof open>[0]) => {
    const database = await open(changes)
    return postgres.classify(await failure(database.connect({ signal: never })))
  }
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve))
  const { port } = listener.address() as { port: number }
  await new Promise((resolve) => listener.close(resolve))
  expect(await attempt({ port })).toMatchObject({ action: "wait", driverCode: "ECONNREFUSED" })
  expect(await attempt({ host: "localhost", port })).toMatchObject({ action: "wait", driverCode: "ECONNREFUSED" })
  expect(await attempt({ host: "nowhere.invalid" })).toMatchObject({ kind: "connection" })
  expect(await attempt({ host: tmpdir(), port: 1 })).toMatchObject({
    action: "wait",
    hint: expect.stringContaining("running"),
  })
  expect(await attempt({ database: "nowhere" })).toMatchObject({ action: "fatal", kind: "missing", sqlState: "3D000" })
  expect(await attempt({ username: "nobody_here" })).toMatchObject({ action: "fatal", kind: "permission" })
  // A MariaDB server speaks first, and its greeting begins like a message of PostgreSQL's.
  const stranger = createServer((socket) => {
    socket.on("error", () => undefined).write(Buffer.concat([Buffer.from("d"), Buffer.from([0, 0, 0, 6, 1, 2])]))
  })
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void stranger.close())
  const greeted = await attempt({
    port: (stranger.address() as { port: number }).port,
    settings: { sslmode: "disable" },
  })
  expect(greeted).toMatchObject({ action: "fatal", code: "CONNECT" })
})

async function makeScram(): Promise<void> {
  const connection = await connect()
  const statement = `do $$ begin
    perform pg_advisory_xact_lock(7);
    if not exists (select 1 from pg_roles where rolname = 'scram') then create role scram login password 'pa:ss\\w'; end if;
  end $$`
  await execute(connection, statement)
}

onServer("passwords: given, wrong, missing, of the environment, of the file", async () => {
  await makeScram()
  const user = [{ user: "scram" }]
  const text = "select current_user as user"
  expect(await rows(await connect({ username: "scram", password: "pa:ss\\w" }), text)).toEqual(user)
  const attempt = async (password?: string) => {
    const database = await open({ username: "scram", password })
    return postgres.classify(await failure(database.connect({ signal: never })))
  }
  expect(await attempt("wrong")).toMatchObject({ action: "fatal", kind: "permission", sqlState: "28P01" })
  const folder = mkdtempSync(join(tmpdir(), "mooring-pgpass-"))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, "pgpass")
  setVariable("PGPASSFILE", file)
  setVariable("PGPASSWORD", undefined)
  expect(await attempt()).toMatchObject({ code: "CONNECT" })
  writeFileSync(file, "# comment\nother:*:*:scram:wrong\n127.0.0.1:*:postgres:scram:pa\\:ss\\\\w\n*:*:*:*:wrong\n")
  chmodSync(file, 0o644)
  const warnings = hearWarnings()
  expect(await attempt(), "a file that others can read is left alone").toMatchObject({ code: "CONNECT" })
  await pause(0)
  expect(warnings).toEqual([expect.stringContaining(`chmod 600 "${file}"`)])
  chmodSync(file, 0o600)
  expect(await rows(await connect({ username: "scram" }), text)).toEqual(user)
  setVariable("PGPASSWORD", "pa:ss\\w")
  rmSync(file)
  expect(await rows(await connect({ username: "scram" }), text)).toEqual(user)
})

onServer("libpq's variables fill what is not configured", async () => {
  const { port, database, socket } = await server()
  setVariable("PGPORT", String(port))
  setVariable("PGHOST", socket)
  setVariable("PGUSER", "postgres")
  setVariable("PGDATABASE", database)
  setVariable("PGAPPNAME", "from the environment")
  setVariable("PGOPTIONS", "-c work_mem=5MB")
  const connection = await connectTo({ host: undefined, port: undefined, username: undefined, database: undefined })
  const [found] = await rows(
    connection,
    "select inet_server_port() as port, current_setting('application_name') as name, current_setting('work_mem') as memory",
  )
  expect(found).toEqual({ port: null, name: "from the environment", memory: "5MB" })
})

onServer("a Unix socket, also when a statement is cancelled", async () => {
  const { socket, port } = await server()
  const connection = await connect({ host: socket, port })
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error("enough")), 50)
  const text = "select pg_sleep(60)"
  const error = await failure(connection.run({ text, values: [] }, { ...reading, signal: controller.signal }))
  expect(error).toMatchObject({ message: "enough" })
  expect(await rows(connection, "select inet_client_addr() as a")).toEqual([{ a: null }])
})

onServer("settings reach the server", async () => {
  const connection = await connect({
    settings: {
      application_name: "pets",
      search_path: "pg_catalog, public",
      statement_timeout: 120,
      options: "-c work_mem=6MB",
    },
    connectArgs: { options: "-c work_mem=7MB", idle_in_transaction_session_timeout: 9000 },
  })
  const names = [
    "application_name",
    "search_path",
    "statement_timeout",
    "work_mem",
    "idle_in_transaction_session_timeout",
  ]
  const [found] = (await rows(
    connection,
    `select ${names.map((name) => `current_setting('${name}') as ${name}`).join(", ")}`,
  )) as object[]
  expect(Object.values(found!)).toEqual(["pets", "pg_catalog, public", "120ms", "6MB", "9s"])
  const late = postgres.classify(await failure(query(connection, "select pg_sleep(10)")))
  expect(late).toMatchObject({ kind: "interrupted", sqlState: "57014", action: "fatal" })
  const plain = await connect({ settings: { role: "pg_monitor" } })
  expect(await rows(plain, "select current_user as u, current_setting('application_name') as a")).toEqual([
    { u: "pg_monitor", a: "mooring" },
  ])
})

onServer("sslmode means what it means in libpq", async (context) => {
  const { authority } = await server()
  if (authority === undefined) return context.skip("this machine has no openssl to make certificates with")
  setVariable("HOME", tmpdir())
  const encrypted = async (host: string, settings: Record<string, unknown>) => {
    const connection = await connect({ host, settings })
    const [{ ssl }] = (await rows(connection, "select ssl from pg_stat_ssl where pid = pg_backend_pid()")) as [
      { ssl: boolean },
    ]
    return ssl
  }
  const refused = async (host: string, settings: Record<string, unknown>) => {
    const database = await open({ host, settings })
    return postgres.classify(await failure(database.connect({ signal: never })))
  }
  const ca = { sslrootcert: authority }
  expect(await encrypted("127.0.0.1", {})).toBe(true)
  expect(await encrypted("127.0.0.1", { sslmode: "disable" })).toBe(false)
  expect(await encrypted("127.0.0.1", { sslmode: "allow" })).toBe(false)
  expect(await encrypted("127.0.0.1", { sslmode: "require" })).toBe(true)
  expect(await encrypted("127.0.0.1", { sslmode: "verify-ca", ...ca })).toBe(true)
  expect(await encrypted("localhost", { sslmode: "verify-full", ...ca })).toBe(true)
  expect(await encrypted("localhost", { ssl: true, ...ca })).toBe(true)
  for (const settings of [{ sslmode: "verify-full" }, { ssl: true }, { sslrootcert: "system" }]) {
    expect(await refused("localhost", settings), JSON.stringify(settings)).toMatchObject({
      action: "fatal",
      code: "CONNECT",
    })
  }
  expect(await refused("127.0.0.1", { sslmode: "verify-full", ...ca })).toMatchObject({
    driverCode: "ERR_TLS_CERT_ALTNAME_INVALID",
  })
  const wrong = join((await server()).folder, "wrong.crt")
  onTestFinished(() => rmSync(wrong, { force: true }))
  writeFileSync(wrong, "no certificate")
  expect(await refused("127.0.0.1", { sslmode: "require", sslrootcert: wrong })).toMatchObject({ action: "fatal" })
  const missing = await failure(openWith({ sslmode: "verify-ca" }))
  expect(missing).toMatchObject({ code: "BAD_CONFIG", message: expect.stringContaining("verify-ca") })
  const weak = await failure(openWith({ sslmode: "require", sslrootcert: "system" }))
  expect(weak).toMatchObject({ code: "BAD_CONFIG" })
})

async function openWith(settings: Record<string, unknown>) {
  const database = await open({ settings })
  return database.connect({ signal: never })
}

onServer("channel_binding = require ties the password to the TLS link, and refuses what does not", async (context) => {
  const { authority } = await server()
  if (authority === undefined) return context.skip("this machine has no openssl to make certificates with")
  await makeScram()
  const bound = { channel_binding: "require", sslmode: "require" }
  const connection = await connect({ username: "scram", password: "pa:ss\\w", settings: bound })
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
  expect(await failure(openWith(bound)), "trusted without a password").toMatchObject({ code: "CONNECT" })
  expect(await failure(openWith({ ...bound, sslmode: "disable" }))).toMatchObject({ code: "CONNECT" })
})

onServer("a lost idle connection does not end the process, and an idle one does not keep it alive", async () => {
  const { script } = await import("../../support/postgres-script.ts")
  const source = `
    const pid = (await query("select pg_backend_pid() as pid")).table.getChild("pid").at(0)
    const other = await database.connect({ signal })
    await other.run({ text: "select pg_terminate_backend($1)", values: [pid] }, { ...options, readOnly: false })
    await new Promise((resolve) => setTimeout(resolve, 200))
    console.log("alive", connection.usable)`
  expect(await script(source, await config())).toEqual({ code: 0, output: "alive false\n" })
})

test("where the data is, and what counts for the cache", async () => {
  for (const name of ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS"]) setVariable(name, undefined)
  const base = {
    dialect: "postgresql",
    driver: undefined,
    username: "ada",
    password: "secret",
    host: "db.example.com",
    port: undefined,
    database: "pets",
    query: {},
    settings: { sslmode: "require", application_name: "x", search_path: "a" },
    connectArgs: {},
    pool: {} as never,
    autocommit: false,
    projectDir: "/",
  }
  expect(postgres.source(base)).toEqual({
    label: "db.example.com:5432/pets",
    identity: { host: "db.example.com", port: 5432, database: "pets", user: "ada", options: { search_path: "a" } },
    local: false,
    ephemeral: false,
  })
  const local = ["localhost", "127.0.0.2", "::1", "/run/postgresql"]
  expect(local.map((host) => postgres.source({ ...base, host }).local)).toEqual([true, true, true, true])
  expect(postgres.source({ ...base, host: "::1" }).label).toBe("[::1]:5432/pets")
})
