import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { createServer as createTlsServer } from "node:tls"
import fc from "fast-check"
import { expect, onTestFinished, test } from "vitest"
import { connection } from "../../src/index.ts"
import { protocolOf } from "../../src/sql/other-protocol.ts"
import { makeCertificates } from "../support/certificates.ts"
import { mariadbServer } from "../support/mariadb-database.ts"
import { useProject } from "../support/project.ts"
import { rawServer } from "../support/raw-server.ts"
import { testWith } from "../support/server-test.ts"
import { failureOf } from "../support/waiting.ts"
import { server as postgresServer } from "./postgres/support.ts"

/** What connecting to a port ends with. */
async function refused(scheme: "postgresql" | "mysql", port: number, host = "127.0.0.1"): Promise<Error> {
  const url = `${scheme}://pets:hunter2@${host}:${port}/pets`
  return failureOf(connection("pets", { type: "sql", url }))
}

const expected = { postgresql: "PostgreSQL", mysql: "MySQL" } as const

/** Both dialects say what answers at the port, and do not wait for their deadline, which would be another error. */
async function expectTold(port: number, what: string): Promise<void> {
  useProject()
  for (const scheme of ["postgresql", "mysql"] as const) {
    const error = await refused(scheme, port)
    expect(error).toMatchObject({
      code: "CONNECT",
      message: `Connection "pets": ${what} answers at 127.0.0.1:${port}, not ${expected[scheme]}.`,
      hint: "Check host and port.",
    })
  }
}

test("an HTTP server at the port is named", async () => {
  const server = createServer((_, response) => response.end("Hello."))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void server.close())
  await expectTold((server.address() as AddressInfo).port, "An HTTP server")
})

test("an SSH server at the port is named", async () => {
  const port = await rawServer((socket) => socket.write("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n"))
  await expectTold(port, "An SSH server")
})

test("a mail server at the port is named", async () => {
  const port = await rawServer((socket) => socket.write("220 mail.example.com ESMTP Postfix\r\n"))
  await expectTold(port, "A mail or FTP server")
})

test("a Redis server at the port is named, though it waits for a line", async () => {
  const port = await rawServer((socket) => {
    socket.on("data", (data) => {
      // Redis looks for the line's end up to the first zero.
      if (data.toString("latin1").split("\0")[0]!.includes("\n")) socket.write("-NOAUTH Authentication required.\r\n")
    })
  })
  await expectTold(port, "A Redis server")
})

test("a server that expects TLS from the first byte is named", async ({ skip }) => {
  const { dir } = useProject()
  const files = await makeCertificates(dir, undefined)
  if (files === undefined) return skip("This machine has no openssl.")
  const server = createTlsServer({ key: readFileSync(files.key), cert: readFileSync(files.certificate) })
  server.on("tlsClientError", () => undefined)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void server.close())
  await expectTold((server.address() as AddressInfo).port, "A server that expects TLS from the first byte")
})

testWith("mariadb")("a MariaDB server at PostgreSQL's port is named", async () => {
  useProject()
  const { host, port } = await mariadbServer()
  const error = await refused("postgresql", port, host)
  expect(error.message).toContain(`A MySQL or MariaDB server answers at ${host}:${port}, not PostgreSQL.`)
})

testWith("postgresql")("a PostgreSQL server at MySQL's port is named, though it waits for the client", async () => {
  useProject()
  const { host, port } = await postgresServer()
  const error = await refused("mysql", port, host.startsWith("/") ? "127.0.0.1" : host)
  expect(error.message).toMatch(/A PostgreSQL server answers at .*, not MySQL\./)
})

test("a port that says nothing is asked a few times, and ends with the caller's deadline", async () => {
  useProject()
  let links = 0
  const port = await rawServer(() => links++)
  for (const scheme of ["postgresql", "mysql"] as const) {
    const pets = await connection(scheme, { type: "sql", url: `${scheme}://u:p@127.0.0.1:${port}/d`, lazy: true })
    expect(await failureOf(pets.query("select 1", { timeout: 1.5 }))).toMatchObject({ code: "TIMEOUT" })
  }
  // Its own link, and one for each question.
  expect(links).toBeLessThanOrEqual(2 * 4 * 2)
})

test("any first bytes are a known protocol or none, and never an error", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (head) => void protocolOf(head)))
  expect(protocolOf(Buffer.from("4a0000000a352e352e352d31302e3131", "hex"))).toBe("MySQL")
  expect(protocolOf(Buffer.from("450000000a5345", "hex"))).toBe("PostgreSQL")
  expect(protocolOf(new Uint8Array())).toBeUndefined()
})
