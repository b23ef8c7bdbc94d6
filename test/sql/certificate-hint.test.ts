import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { connect, createServer } from "node:tls"
import { expect, onTestFinished, test } from "vitest"
import { certificateHint } from "../../src/sql/certificate-hint.ts"
import { findProgram } from "../support/daemon.ts"
import { useProject } from "../support/project.ts"

const openssl = findProgram("openssl")
const lacking = openssl === undefined ? ": this machine has no openssl" : ""

/** The error of a link to a server with this certificate. */
async function refusal(dir: string, name: string, trusted: string | undefined): Promise<Error & { code: string }> {
  const read = (file: string) => readFileSync(join(dir, file))
  const server = createServer({ key: read(`${name}.key`), cert: read(`${name}.crt`) }).on("tlsClientError", () => {})
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  onTestFinished(() => void server.close())
  const ca = trusted === undefined ? {} : { ca: read(`${trusted}.crt`) }
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ...ca }, () =>
      reject(new Error("accepted")),
    )
    socket.once("error", (error) => resolve(error as never))
  })
}

test.skipIf(openssl === undefined)(
  `what is wrong with a certificate is said${lacking}`,
  async () => {
    const { dir, write } = useProject()
    const run = (...args: string[]) => execFileSync(openssl!, args, { cwd: dir, stdio: "pipe" })
    write(
      "ca.conf",
      "[ca]\ndefault_ca=c\n[c]\ndatabase=index\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n",
    )
    write("index.attr", "unique_subject = no\n")
    write("index", "")
    write("serial", "01")
    const subject = (name: string) => ["-nodes", "-newkey", "rsa:2048", "-subj", `/CN=${name}`]
    for (const name of ["ca", "self"]) {
      run(
        "req",
        "-x509",
        ...subject(name === "ca" ? "ca" : "localhost"),
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.crt`,
      )
    }
    const issue = (name: string, host: string, from: string, to: string) => {
      run("req", ...subject(host), "-keyout", `${name}.key`, "-out", `${name}.csr`)
      const dates = ["-startdate", `${from}0101000000Z`, "-enddate", `${to}0101000000Z`]
      run(
        "ca",
        "-batch",
        "-config",
        "ca.conf",
        "-cert",
        "ca.crt",
        "-keyfile",
        "ca.key",
        ...dates,
        "-in",
        `${name}.csr`,
        "-out",
        `${name}.crt`,
        "-notext",
      )
    }
    issue("old", "localhost", "2001", "2002")
    issue("early", "localhost", "2090", "2091")
    issue("other", "elsewhere", "2001", "2090")
    issue("good", "localhost", "2001", "2090")
    for (const [name, trusted, expected] of [
      ["old", "ca", "has expired"],
      ["early", "ca", "is not valid yet"],
      ["self", undefined, "is self-signed: give that certificate as ssl_ca"],
      ["other", "ca", "for another host name"],
      ["good", "self", "give the authority's certificate as ssl_ca"],
    ] as const) {
      const error = await refusal(dir, name, trusted)
      expect(certificateHint(error, "ssl_ca"), `${name}: ${error.code} ${error.message}`).toContain(expected)
      // As mysql2 gives it.
      expect(certificateHint({ code: "HANDSHAKE_SSL_ERROR", message: error.message }, "ssl_ca")).toContain(expected)
    }
  },
  60_000,
)
