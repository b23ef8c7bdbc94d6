import { createServer } from "node:net"
import { checkServerIdentity, type PeerCertificate } from "node:tls"
import { expect, onTestFinished, test } from "vitest"
import type { DriverConnection } from "../../../src/sql/dialect.ts"
import { mysql } from "../../../src/sql/dialects/mysql/index.ts"
import { hostForTls } from "../../../src/sql/dialects/mysql/tls.ts"
import { removeDaemon } from "../../support/daemon.ts"
import { FaultProxy } from "../../support/fault-proxy.ts"
import { mariadbServer } from "../../support/mariadb-database.ts"
import { startMariaDB } from "../../support/mariadb-server.ts"
import { hearWarnings, pause, until } from "../../support/waiting.ts"
import { script } from "./script.ts"
import {
  completed,
  config,
  connect,
  connectAsAdmin,
  execute,
  failure,
  idOf,
  kill,
  never,
  onServer,
  open,
  query,
  reading,
  rows,
  running,
} from "./support.ts"

const lost = { action: "lost", kind: "connection" }

async function proxied(): Promise<FaultProxy> {
  const proxy = await FaultProxy.start(await mariadbServer())
  onTestFinished(() => proxy.stop())
  return proxy
}

onServer(
  "dead connections are told as such, however they died",
  async () => {
    // While a statement runs: the server says why, or hangs up.
    const first = await connect()
    const id = await idOf(first)
    const asking = failure(query(first, "select sleep(60)"))
    await pause(100)
    await kill(id)
    expect(mysql.classify(await asking)).toMatchObject(lost)
    await expect.poll(() => first.usable).toBe(false)

    // While rows come.
    const streaming = await connect()
    const streamId = await idOf(streaming)
    const all = failure(query(streaming, "select seq, repeat('x', 200) as x from seq_1_to_100000000"))
    await pause(50)
    await kill(streamId)
    expect(mysql.classify(await all)).toMatchObject(lost)

    // While it is idle.
    const second = await connect()
    await kill(await idOf(second))
    await expect.poll(() => second.usable).toBe(false)
    expect(mysql.classify(await failure(query(second, "select 1")))).toMatchObject(lost)

    // Idle for longer than the server likes.
    const third = await connect({ connectArgs: {} })
    await execute(third, "set session wait_timeout = 1")
    await expect.poll(() => third.usable, { timeout: 10_000 }).toBe(false)
    expect(mysql.classify(await failure(query(third, "select 1")))).toMatchObject(lost)

    // A link that breaks without a word, between statements and within one, with and without TLS.
    for (const how of ["reset", "end"] as const) {
      for (const ssl of [true, false]) {
        const proxy = await proxied()
        const settings = { ssl_mode: ssl ? "REQUIRED" : "DISABLED" }
        const broken = await connect({ port: proxy.port, settings })
        const idle = await connect({ port: proxy.port, settings })
        const asked = failure(query(broken, "select sleep(60)"))
        await pause(100)
        proxy.closeLinks(how)
        expect(mysql.classify(await asked), how).toMatchObject(lost)
        expect(mysql.classify(await failure(query(broken, "select 1"))), how).toMatchObject(lost)
        await expect.poll(() => idle.usable).toBe(false)
        expect(mysql.classify(await failure(query(idle, "select 1"))), how).toMatchObject(lost)
      }
    }

    // Closed by us.
    const fourth = await connect()
    await fourth.close()
    expect(fourth.usable).toBe(false)
    expect(mysql.classify(await failure(query(fourth, "select 1")))).toMatchObject(lost)
    const fifth = await connect()
    ;(fifth.raw as { stream: { destroy(): void } }).stream.destroy()
    expect(mysql.classify(await failure(query(fifth, "select 1")))).toMatchObject(lost)
  },
  60_000,
)

onServer(
  "a server that is shut down, one that is not yet there, and one that has no place",
  async () => {
    const server = await startMariaDB()
    onTestFinished(() => removeDaemon(server.folder))
    const { host, port, user, admin } = server
    const address = completed({ host, port, ...user, database: server.database })
    const database = await mysql.open(address)
    const connection = await database.connect({ signal: never })
    const idle = await database.connect({ signal: never })
    const chief = await (await mysql.open({ ...address, password: undefined, ...admin })).connect({ signal: never })

    // Whose transactions only read by default: the same before and after a query.
    await execute(chief, "create table mooring.kept (a int)")
    await execute(chief, "set global tx_read_only = 1")
    const fresh = await database.connect({ signal: never })
    for (let i = 0; i < 2; i++) {
      const refused = mysql.classify(await failure(execute(fresh, "insert into kept values (1)")))
      expect(refused).toMatchObject({ kind: "permission", driverCode: 1792 })
      await query(fresh, "select 1")
    }
    await fresh.close()

    // More than fits in a packet: the server says so and hangs up, perhaps before its answer was read.
    await execute(chief, "set global max_allowed_packet = 1048576")
    const small = await database.connect({ signal: never })
    const large = mysql.classify(await failure(execute(small, "select length(?) as n", "x".repeat(3_000_000))))
    if (large.driverCode === 1153) {
      const hint = expect.stringContaining("max_allowed_packet")
      expect(large).toMatchObject({ action: "fatal", kind: "value", hint })
    } else expect(large).toMatchObject(lost)
    expect(small.usable).toBe(false)

    await execute(chief, "set global max_connections = 10")
    const others: Awaited<ReturnType<typeof database.connect>>[] = []
    const full = await failure(
      (async () => {
        for (;;) others.push(await database.connect({ signal: never }))
      })(),
    )
    expect(mysql.classify(full)).toMatchObject({ action: "wait", driverCode: 1040, kind: "connection" })
    expect(mysql.classify(full).hint).toContain("pool_size")
    // Without a place for KILL QUERY, the link is ended; and the process hears of it.
    const controller = new AbortController()
    const running60 = failure(
      connection.run({ text: "select sleep(60)", values: [] }, { ...reading, signal: controller.signal }),
    )
    await pause(50)
    // Somebody of rights has a place of his own beside the ten: it is taken.
    const reserve = await (await mysql.open({ ...address, password: undefined, ...admin })).connect({ signal: never })
    const reason = new Error("enough")
    controller.abort(reason)
    expect(await running60).toBe(reason)
    expect(connection.usable).toBe(false)
    await Promise.all([...others, reserve].map((other) => other.close()))

    const asking = failure(query(idle, "select sleep(60)"))
    await pause(50)
    await execute(chief, "shutdown")
    expect(mysql.classify(await asking)).toMatchObject({ action: "lost" })
    await until(
      async () => mysql.classify(await failure(database.connect({ signal: never }))).driverCode === "ECONNREFUSED",
    )
    const refused = mysql.classify(await failure(database.connect({ signal: never })))
    expect(refused).toMatchObject({ action: "wait", kind: "connection", hint: expect.stringContaining("running") })
  },
  60_000,
)

onServer("a link that swallows everything ends an aborted statement, and is given up", async () => {
  const proxy = await proxied()
  const connection = await connect({ port: proxy.port })
  await query(connection, "select 1")
  proxy.fault({ swallow: "both" })
  const controller = new AbortController()
  const reason = new Error("too late")
  const asked = failure(connection.run({ text: "select 1", values: [] }, { ...reading, signal: controller.signal }))
  await pause(20)
  controller.abort(reason)
  expect(await asked).toBe(reason)
  expect(connection.usable).toBe(false)
})

onServer("a link that swallows everything ends a ping and a reset", async () => {
  const proxy = await proxied()
  const [first, second] = [await connect({ port: proxy.port }), await connect({ port: proxy.port })]
  await execute(second, "set @used = 1")
  proxy.fault({ swallow: "both" })
  const late = AbortSignal.timeout(100)
  expect(await failure(first.ping({ signal: late }))).toBe(late.reason)
  expect(first.usable).toBe(false)
  expect(mysql.classify(await failure(second.reset()))).toMatchObject({ action: "lost" })
  expect(second.usable).toBe(false)
})

onServer("a link that swallows everything ends whatever waits for a fresh session, and is given up", async () => {
  const proxy = await proxied()
  const insert = { text: "insert into nowhere values (1)", values: [] }
  const select = { text: "select 1 as n", values: [] }
  const waiting: Record<string, (connection: DriverConnection, signal: AbortSignal) => Promise<unknown>> = {
    run: (connection, signal) => connection.run(insert, { ...running, signal }),
    stream: (connection, signal) => connection.stream(select, { signal, readOnly: false, batchRows: 1 }),
    "hand out": (connection, signal) => connection.handOut!({ signal }),
  }
  const before = { "a reset that is due": "select 1 as n", "a reset under way": "select @used := 1 as n" }
  for (const [when, text] of Object.entries(before)) {
    for (const [what, wait] of Object.entries(waiting)) {
      const connection = await connect({ port: proxy.port })
      await query(connection, text)
      proxy.fault({ swallow: "both" })
      const controller = new AbortController()
      const reason = new Error("too late")
      const asked = failure(wait(connection, controller.signal))
      await pause(20)
      controller.abort(reason)
      expect(await asked, `${what}, ${when}`).toBe(reason)
      expect(connection.usable, `${what}, ${when}`).toBe(false)
      proxy.fault({})
    }
  }
})

onServer("a link that breaks before the session was fresh has run nothing of the next borrower's", async () => {
  const proxy = await proxied()
  // The first may have left something, so that a reset follows it; after the second the session only reads.
  for (const before of ["select @used := 1 as n", "select 1 as n"]) {
    const connection = await connect({ port: proxy.port })
    await query(connection, before)
    proxy.closeLinks("reset")
    const error = await failure(execute(connection, "insert into nowhere values (1)"))
    expect(mysql.classify(error), before).toMatchObject({ ...lost, neverRan: true })
  }
})

onServer("what a destroyed link was doing is ended at the server", async () => {
  const [connection, other] = [await connect(), await connectAsAdmin()]
  const id = await idOf(connection)
  const asked = failure(query(connection, "select count(*) from seq_1_to_100000000000 where seq % 7 = 8"))
  await pause(100)
  await connection.close()
  expect(await asked).toMatchObject({ code: "ABORTED" })
  const left = "select id from information_schema.processlist where id = ?"
  await expect.poll(() => rows(other, left, id), { timeout: 5000 }).toEqual([])
})

onServer("close cuts a running statement off, also on a link that swallows everything", async () => {
  for (const swallow of [undefined, "both"] as const) {
    const proxy = await proxied()
    const connection = await connect({ port: proxy.port })
    const asked = failure(query(connection, "select sleep(60)"))
    await pause(50)
    proxy.fault(swallow === undefined ? {} : { swallow })
    await connection.close()
    expect(await asked).toMatchObject({ code: "ABORTED" })
  }
})

onServer("an abort while it connects ends the connect, and leaves no socket", async () => {
  const proxy = await proxied()
  proxy.fault({ swallow: "toClient" })
  const database = await open({ port: proxy.port })
  const controller = new AbortController()
  const reason = new Error("too late")
  const connecting = failure(database.connect({ signal: controller.signal }))
  setTimeout(() => controller.abort(reason), 50)
  expect(await connecting).toBe(reason)
  await expect.poll(() => proxy.links.size).toBe(0)
  const slow = await open({ port: proxy.port, settings: { connect_timeout: 100 } })
  expect(mysql.classify(await failure(slow.connect({ signal: never })))).toMatchObject({
    action: "lost",
    message: "The server did not answer in time.",
    hint: expect.stringContaining("host and port"),
  })
  await expect.poll(() => proxy.links.size).toBe(0)
})

onServer("nobody listens, no such host, wrong names: errors that tell what to do", async () => {
  const warnings = hearWarnings()
  const attempt = async (changes: Parameters<typeof open>[0]) => {
    const database = await open(changes)
    return mysql.classify(await failure(database.connect({ signal: never })))
  }
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve))
  const { port } = listener.address() as { port: number }
  await new Promise((resolve) => listener.close(resolve))
  const down = await attempt({ port })
  expect(down).toMatchObject({ action: "wait", kind: "connection", driverCode: "ECONNREFUSED" })
  expect(down.hint).toContain("running")
  const both = await attempt({ host: "localhost", port })
  expect(both).toMatchObject({ action: "wait", driverCode: "ECONNREFUSED" })
  expect(await attempt({ settings: { unix_socket: "/nowhere/mysqld.sock" } })).toMatchObject({ action: "wait" })
  expect(await attempt({ host: "no-such-host.invalid" })).toMatchObject({
    driverCode: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
  })
  expect(await attempt({ password: "wrong" })).toMatchObject({ action: "fatal", kind: "permission", driverCode: 1045 })
  expect(await attempt({ database: "test_nowhere" })).toMatchObject({
    action: "fatal",
    kind: "missing",
    driverCode: 1049,
  })
  expect(await attempt({ database: "forbidden" })).toMatchObject({
    action: "fatal",
    kind: "permission",
    driverCode: 1044,
  })
  // Somebody who is no MySQL server.
  const stranger = createServer(
    (socket) => void socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n"),
  )
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void stranger.close())
  expect(await attempt({ port: (stranger.address() as { port: number }).port })).toMatchObject({ code: "CONNECT" })
  expect(warnings).toEqual([])
})

onServer("a Unix socket, also when a statement is cancelled", async () => {
  const { socket } = await mariadbServer()
  for (const changes of [{ settings: { unix_socket: socket } }, { host: socket }]) {
    const connection = await connect(changes)
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error("enough")), 50)
    const text = "select sleep(60)"
    const error = await failure(connection.run({ text, values: [] }, { ...reading, signal: controller.signal }))
    expect(error).toMatchObject({ message: "enough" })
    expect(connection.usable).toBe(true)
    const peer = "select host from information_schema.processlist where id = connection_id()"
    expect(await rows(connection, peer)).toEqual([{ host: "localhost" }])
  }
})

onServer("ssl_mode means what it means in MySQL", async (context) => {
  const { authority, folder } = await mariadbServer()
  if (authority === undefined) return context.skip("this machine has no openssl to make certificates with")
  const encrypted = async (
    host: string,
    settings: Record<string, unknown>,
    connectArgs: Record<string, unknown> = {},
  ) => {
    const connection = await connect({ host, settings, connectArgs })
    const [{ Value }] = (await rows(connection, "show session status like 'Ssl_cipher'")) as [{ Value: string }]
    return Value !== ""
  }
  const refused = async (host: string, settings: Record<string, unknown>) => {
    const database = await open({ host, settings })
    return mysql.classify(await failure(database.connect({ signal: never })))
  }
  const ca = { ssl_ca: authority }
  expect(await encrypted("127.0.0.1", {})).toBe(true)
  expect(await encrypted("127.0.0.1", { ssl_mode: "PREFERRED" })).toBe(true)
  expect(await encrypted("127.0.0.1", { ssl_mode: "DISABLED" })).toBe(false)
  expect(await encrypted("127.0.0.1", { ssl: false })).toBe(false)
  expect(await encrypted("127.0.0.1", { ssl_mode: "REQUIRED" })).toBe(true)
  expect(await encrypted("127.0.0.1", { ssl_mode: "VERIFY_CA", ...ca })).toBe(true)
  expect(await encrypted("127.0.0.1", { ...ca, ssl_check_hostname: false })).toBe(true)
  expect(await encrypted("localhost", { ssl_mode: "VERIFY_IDENTITY", ...ca })).toBe(true)
  expect(await encrypted("localhost", { ssl: true, ...ca })).toBe(true)
  expect(await encrypted("localhost", ca)).toBe(true)
  expect(await encrypted("localhost", {}, { ssl: { ca: authority } })).toBe(true)
  expect(await encrypted("127.0.0.1", {}, { ssl: { ca: authority, check_hostname: false } })).toBe(true)
  expect(await encrypted("127.0.0.1", {}, { ssl: {} })).toBe(true)
  expect(await encrypted("127.0.0.1", { ...ca, ssl_verify_cert: true })).toBe(true)
  expect(await encrypted("127.0.0.1", { ...ca, ssl_verify_identity: false })).toBe(true)
  expect(await encrypted("127.0.0.1", { ssl_ca: `${folder}/server.crt`, ssl_verify_cert: false })).toBe(true)
  expect(await encrypted("localhost", { ...ca, ssl_verify_identity: true })).toBe(true)
  expect(await encrypted("localhost", { ...ca, ssl_verify_cert: false, ssl_verify_identity: true })).toBe(true)
  const unknown = [
    { ssl_mode: "VERIFY_IDENTITY" },
    { ssl: true },
    { ssl_verify_cert: true },
    { ssl_verify_identity: true },
  ]
  for (const settings of unknown) {
    const told = await refused("localhost", settings)
    expect(told, JSON.stringify(settings)).toMatchObject({ action: "fatal", code: "CONNECT" })
    expect(told.hint).toContain("ssl_ca")
  }
  // The certificate is for localhost, and not for its address.
  const verified = [{ ssl_mode: "VERIFY_IDENTITY" }, {}, { ssl: true }, { ssl_verify_identity: true }]
  for (const settings of verified.map((each) => ({ ...each, ...ca }))) {
    expect(await refused("127.0.0.1", settings)).toMatchObject({ action: "fatal", code: "CONNECT" })
  }
  expect(await refused("localhost", { ssl_mode: "VERIFY_CA", ssl_ca: `${folder}/server.crt` })).toMatchObject({
    action: "fatal",
    code: "CONNECT",
  })
  for (const settings of [{ ssl_mode: "VERIFY_CA" }, { ssl_ca: "/nowhere/ca.pem" }]) {
    const database = await open({ settings })
    expect(await failure(database.connect({ signal: never }))).toMatchObject({ code: "BAD_CONFIG" })
  }
})

test("a certificate for an address is compared with the address", () => {
  const certificate = (names: string) => ({ subject: { CN: "localhost" }, subjectaltname: names }) as PeerCertificate
  const tls = { rejectUnauthorized: true, verifyIdentity: true }
  for (const [host, names] of [
    ["127.0.0.1", "IP Address:127.0.0.1"],
    ["::1", "IP Address:0:0:0:0:0:0:0:1"],
    ["db.example.com", "DNS:db.example.com"],
  ] as const) {
    const told = hostForTls(host, tls)
    expect(checkServerIdentity(told, certificate(names))).toBeUndefined()
    expect(checkServerIdentity(told, certificate("DNS:localhost"))).toMatchObject({
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    })
  }
  expect(hostForTls("127.0.0.1", { ...tls, verifyIdentity: false })).toBe("127.0.0.1")
})

onServer("a server without TLS: PREFERRED does without, REQUIRED does not", async () => {
  // The flag that says "I have TLS" is taken out of the server's first packet.
  const { port, host } = await mariadbServer()
  const { connect: dial } = await import("node:net")
  const plain = createServer((near) => {
    const far = dial(port, host)
    far.once("data", (hello: Buffer) => {
      const flags = hello.indexOf(0, 5) + 1 + 4 + 8 + 1
      hello.writeUInt16LE(hello.readUInt16LE(flags) & ~0x0800, flags)
      near.write(hello)
      far.pipe(near)
    })
    near.pipe(far)
    for (const socket of [near, far]) socket.on("error", () => undefined)
  })
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void plain.close())
  const there = { port: (plain.address() as { port: number }).port }
  expect(await rows(await connect(there), "select 1 as a")).toEqual([{ a: 1 }])
  for (const settings of [{ ssl_mode: "REQUIRED" }, { ssl: true }]) {
    const database = await open({ ...there, settings })
    const told = mysql.classify(await failure(database.connect({ signal: never })))
    expect(told).toMatchObject({ action: "fatal", code: "CONNECT", hint: expect.stringContaining("PREFERRED") })
  }
})

onServer("settings reach the server, and wrong ones fail the connect", async () => {
  const connection = await connect({
    settings: { time_zone: "+05:30", sql_mode: "ANSI,TRADITIONAL", collation: "utf8mb4_bin", statement_timeout: 120 },
  })
  const [found] = await rows(
    connection,
    `select @@time_zone as zone, @@sql_mode like '%TRADITIONAL%' as mode, @@collation_connection as collation,
       @@max_statement_time as timeout, @@autocommit as autocommit`,
  )
  expect(found).toEqual({ zone: "+05:30", mode: 1, collation: "utf8mb4_bin", timeout: 0.12, autocommit: 1 })
  const late = mysql.classify(await failure(query(connection, "select sleep(10)")))
  expect(late).toMatchObject({ kind: "interrupted", driverCode: 1969, action: "fatal" })
  expect(late.hint).toContain("statement_timeout")
  for (const settings of [{ time_zone: "Mars/Olympus" }, { sql_mode: "nothing" }, { collation: "utf8mb4_klingon" }]) {
    const database = await open({ settings })
    expect(mysql.classify(await failure(database.connect({ signal: never })))).toMatchObject({ action: "fatal" })
  }
  for (const settings of [{ time_zone: "'; drop table x; --" }, { sql_mode: "a'b" }]) {
    const database = await open({ settings })
    expect(await failure(database.connect({ signal: never }))).toMatchObject({ code: "BAD_CONFIG" })
  }
})

onServer("a session's clock is UTC; in another zone, timestamps are the same instants", async () => {
  const instant = "from_unixtime(1700000000) as t"
  const utc = await connect()
  await execute(utc, "create temporary table times (t timestamp, d datetime)")
  await execute(utc, "insert into times values (from_unixtime(1700000000), from_unixtime(1700000000))")
  const field = async (connection: typeof utc) => {
    const { table } = await query(connection, "select t, d from times")
    return [table.toArray(), table.schema.fields.map(({ type }) => (type as { timezone?: string }).timezone ?? null)]
  }
  const at = new Date(1_700_000_000_000)
  expect(await field(utc)).toEqual([[{ t: at, d: at }], ["UTC", null]])
  await execute(utc, "set time_zone = '+02:00'")
  // What was written as a datetime on one clock is another instant on the other.
  const other = new Date(at.getTime() - 2 * 3_600_000)
  expect(await field(utc)).toEqual([[{ t: at, d: other }], ["UTC", "UTC"]])
  const east = await connect({ settings: { time_zone: "+02:00" } })
  expect(await rows(east, `select cast(${instant.replace(" as t", "")} as char) as t`)).toEqual([
    { t: "2023-11-15 00:13:20" },
  ])
})

onServer("text of every kind comes and goes as UTF-8", async () => {
  const connection = await connect()
  await execute(
    connection,
    "create temporary table texts (l varchar(20) character set latin1, u varchar(20) character set utf8mb4)",
  )
  await execute(connection, "insert into texts values (?, ?)", "é", "🦉é")
  expect(
    await rows(connection, "select l, u, '🦉' as lit, ? as par from texts where l = ? and u = '🦉é'", "🦉", "é"),
  ).toEqual([{ l: "é", u: "🦉é", lit: "🦉", par: "🦉" }])
  await execute(connection, "set names latin1")
  await connection.reset()
  expect(await rows(connection, "select '🦉' as lit, ? as par", "🦉")).toEqual([{ lit: "🦉", par: "🦉" }])
})

onServer("a server gets no file of this machine", async () => {
  const connection = await connect()
  await execute(connection, "create temporary table file_lines (line text)")
  for (const text of [
    "load data local infile '/etc/passwd' into table file_lines",
    "load data local infile '/etc/hostname' into table file_lines",
  ]) {
    const error = mysql.classify(await failure(execute(connection, text)))
    expect(error, text).toMatchObject({ action: "fatal" })
    expect(error.hint).toContain("turned off")
    expect(await rows(connection, "select * from file_lines")).toEqual([])
  }
  expect(connection.usable).toBe(true)
})

test("a server that asks for a file, although it was told not to, gets nothing", async () => {
  const heard: Buffer[] = []
  const hello = Buffer.concat([
    Buffer.from([10]),
    Buffer.from("8.0.0-rogue\0"),
    Buffer.from([1, 0, 0, 0]),
    Buffer.from("12345678\0"),
    Buffer.from([0xff, 0xf7, 45, 2, 0, 0xff, 0x81, 21]),
    Buffer.alloc(10),
    Buffer.from("123456789012\0"),
    Buffer.from("mysql_native_password\0"),
  ])
  const packet = (sequence: number, body: Buffer) =>
    Buffer.concat([Buffer.from([body.length & 255, body.length >> 8, 0, sequence]), body])
  const ok = Buffer.from([0, 0, 0, 2, 0, 0, 0])
  const rogue = createServer((socket) => {
    let isIn = false
    socket.on("error", () => undefined)
    socket.write(packet(0, hello))
    socket.on("data", (data) => {
      heard.push(data)
      if (!isIn) socket.write(packet(2, ok))
      else if (data.includes("set @a")) socket.write(packet(1, Buffer.from("\xfb/etc/passwd", "latin1")))
      else socket.write(packet(1, ok))
      isIn = true
    })
  })
  await new Promise<void>((resolve) => rogue.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void rogue.close())
  const { port } = rogue.address() as { port: number }
  const database = await mysql.open(completed({ port, settings: { ssl_mode: "DISABLED" } }))
  const connection = await database.connect({ signal: never })
  onTestFinished(() => connection.close())
  const error = await failure(connection.run({ text: "set @a = 1", values: [] }, running))
  expect(String(error)).toBe(
    "ProtocolError: The server sent a request for a file of this machine, which is not MySQL's protocol.",
  )
  expect(connection.usable).toBe(false)
  const sent = Buffer.concat(heard).toString("latin1")
  expect(sent).toContain("set @a = 1")
  expect(sent).not.toContain("root:")
  // The flag LOCAL_FILES was not among those of the login.
  expect(heard[0]!.readUInt32LE(4) & 128).toBe(0)
})

onServer("a lost idle connection does not end the process, and an idle one does not keep it alive", async () => {
  const source = `
    const id = (await query("select connection_id() as id")).table.getChild("id").at(0)
    const other = await database.connect({ signal })
    await other.run({ text: "kill " + id, values: [] }, { ...options, readOnly: false })
    await new Promise((resolve) => setTimeout(resolve, 200))
    console.log("alive", connection.usable)`
  expect(await script(source, await config())).toEqual({ code: 0, output: "alive false\n" })
})

onServer("nothing is left behind on the console", async () => {
  const said: unknown[] = []
  const { error, log, warn } = console
  for (const name of ["error", "log", "warn"] as const) console[name] = (...args: unknown[]) => void said.push(args)
  onTestFinished(() => void Object.assign(console, { error, log, warn }))
  const connection = await connect({
    connectArgs: { charset: "utf8mb4", read_timeout: 10, compress: true, connectAttributes: { program: "tests" } },
  })
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
  expect(said).toEqual([])
})

test("where the data is, and what counts for the cache", () => {
  const base = completed({
    username: "ada",
    password: "secret",
    host: "db.example.com",
    database: "pets",
    settings: { ssl_mode: "REQUIRED", time_zone: "+02:00" },
    connectArgs: { password1: "secret", compress: true },
  })
  expect(mysql.source(base)).toEqual({
    label: "db.example.com:3306/pets",
    identity: {
      host: "db.example.com",
      port: 3306,
      database: "pets",
      user: "ada",
      options: { compress: true, time_zone: "+02:00" },
    },
    local: false,
    ephemeral: false,
  })
  expect(JSON.stringify(mysql.source(base))).not.toContain("secret")
  const local = ["localhost", "127.0.0.2", "::1", "/run/mysqld/mysqld.sock", undefined]
  expect(local.map((host) => mysql.source({ ...base, host }).local)).toEqual([true, true, true, true, true])
  expect(mysql.source({ ...base, host: "::1", database: undefined }).label).toBe("[::1]:3306")
  const socket = mysql.source({ ...base, settings: { unix_socket: "/run/mysqld.sock" } })
  expect(socket).toMatchObject({
    label: "/run/mysqld.sock/pets",
    identity: { socket: "/run/mysqld.sock" },
    local: true,
  })
  expect(() => mysql.source({ ...base, connectArgs: { multipleStatements: true } })).toThrow('"multipleStatements"')
  expect(() => mysql.source({ ...base, connectArgs: { ssl: { cipher: "x" } } })).toThrow('"cipher"')
  expect([mysql.urlKeys?.test("use_unicode"), mysql.urlKeys?.test("ssl_mod")]).toEqual([true, false])
})
