import { spawn } from "node:child_process"
import { once } from "node:events"
import { pathToFileURL } from "node:url"
import type { SqlConfig } from "../../../src/sql/dialect.ts"

const dialect = pathToFileURL("src/sql/dialects/mysql/index.ts").href

/** Runs a script with a `connection` in a process of its own; gives its output, with warnings. */
export async function script(source: string, config: SqlConfig): Promise<{ code: number | null; output: string }> {
  const setup = `
    import { mysql } from ${JSON.stringify(dialect)}
    const database = await mysql.open(${JSON.stringify(config)})
    const signal = new AbortController().signal
    const options = { signal, readOnly: true, maxRows: Infinity, maxBytes: Infinity }
    const connection = await database.connect({ signal })
    const query = (text) => connection.run({ text, values: [] }, options)
`
  const child = spawn(process.execPath, ["--input-type=module", "-e", setup + source])
  let output = ""
  child.stdout.on("data", (data) => (output += data))
  child.stderr.on("data", (data) => (output += data))
  const [code] = await once(child, "close")
  return { code, output }
}
