import { expect, test } from "vitest"
import { connection } from "../../../src/index.ts"
import { useProject } from "../../support/project.ts"
import { rawServer } from "../../support/raw-server.ts"
import { failureOf } from "../../support/waiting.ts"

const packet = (number: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([body.length & 255, (body.length >> 8) & 255, body.length >> 16, number]), body])

/** MySQL 8's, that can do what a client needs. */
const greeting = packet(
  0,
  Buffer.concat([
    Buffer.from("\n8.0.30\0\x01\0\0\0"),
    Buffer.from("12345678\0"),
    Buffer.from([0x0f, 0xa2, 255, 2, 0, 0x0b, 0, 21]),
    Buffer.alloc(10),
    Buffer.from("123456789012\0mysql_native_password\0"),
  ]),
)

/** What connecting ends with, where the server greets so, and answers the login so. */
async function refusal(hello: Buffer, answer?: Buffer): Promise<Error> {
  useProject()
  const port = await rawServer((socket) => {
    socket.write(hello)
    socket.once("data", () => answer && socket.write(answer))
  })
  const url = `mysql://pets:hunter2@127.0.0.1:${port}/pets?ssl_mode=DISABLED`
  return failureOf(connection("pets", { type: "sql", url }))
}

const greetings: Record<string, Buffer> = {
  "of one byte": packet(0, Buffer.from([10])),
  "without the end of its version": packet(0, Buffer.from("\n8.0.30")),
  "of an old version": packet(0, Buffer.from("\t3.20\0")),
  "of nothing": packet(0, Buffer.alloc(0)),
  "with a long version": packet(0, Buffer.from(`\n${"8".repeat(60_000)}\0`)),
  "that says it is 16 megabytes": Buffer.from([255, 255, 255, 0]),
  "in another order": Buffer.concat([Buffer.from([7, 0, 0, 5, 10]), Buffer.from("8.0.30")]),
}
for (const [name, hello] of Object.entries(greetings)) {
  test(`a greeting ${name} is no MySQL, and ends at once`, async () => {
    expect(await refusal(hello)).toMatchObject({
      code: "CONNECT",
      message: expect.stringContaining("which is not MySQL's protocol"),
      hint: expect.stringContaining("Check host and port"),
    })
  })
}

const answers: Record<string, Buffer> = {
  "of an unknown kind": packet(2, Buffer.from([9])),
  "that asks for a file": packet(2, Buffer.from("\xfb/etc/passwd", "latin1")),
  "out of order": packet(7, Buffer.from([0, 0, 0, 2, 0, 0, 0])),
  "with a plugin without its end": packet(2, Buffer.from("\xfemysql_native_password", "latin1")),
  "of a short error": packet(2, Buffer.from([0xff, 1])),
}
for (const [name, answer] of Object.entries(answers)) {
  test(`an answer to the login ${name} is no MySQL, and ends at once`, async () => {
    expect(await refusal(greeting, answer)).toMatchObject({
      code: "CONNECT",
      message: expect.stringContaining("which is not MySQL's protocol"),
    })
  })
}

for (const plugin of ["client_ed25519", "dialog", "__proto__", "constructor", "mysql_old_password"]) {
  test(`a login by ${plugin} is refused in a sentence`, async () => {
    const name = plugin === "mysql_old_password" ? "" : `${plugin}\0salt`
    expect(await refusal(greeting, packet(2, Buffer.concat([Buffer.from([0xfe]), Buffer.from(name)])))).toMatchObject({
      code: "CONNECT",
      message: `Connection "pets": The server wants a login by ${plugin}, which is not supported.`,
      hint: expect.stringContaining("mysql_native_password"),
    })
  })
}
