import { execFile } from "node:child_process"
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { builtFile } from "../support/built-file.ts"
import { root } from "./pages.ts"
import { outputMark, type Project } from "./projects.ts"

/** What one block printed, and what the page says that it prints. */
export interface Printed {
  /** The line of the block in its page, counted from 1. */
  readonly line: number
  readonly printed: string
  readonly expected: string
}

/** Follows a project step by step in an empty folder. Rejects with everything that was printed if a step fails. */
export async function follow({ steps }: Project): Promise<Printed[]> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "mooring-docs-")))
  const printed: Printed[] = []
  try {
    prepare(folder)
    const project = join(folder, "project")
    for (const [i, step] of steps.entries()) {
      if (step.kind === "file") write(join(project, step.path), step.text)
      else if (step.kind === "commands") {
        const out = await run("sh", ["-eu", "-c", step.text], folder)
        if (step.output !== undefined) printed.push({ line: step.line + 1, printed: out, expected: step.output })
      } else if (step.runs) {
        write(join(project, `program-${i}.ts`), step.source)
        const outs = byBlock(await run(process.execPath, [`program-${i}.ts`], folder))
        for (const [line, expected] of step.outputs) {
          printed.push({ line: line + 1, printed: outs.get(line) ?? "", expected })
        }
      }
    }
    return printed
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A project with the repository's packages, a home folder without secrets, and the commands of the package. */
function prepare(folder: string): void {
  mkdirSync(join(folder, "project"), { recursive: true })
  mkdirSync(join(folder, "home"))
  mkdirSync(join(folder, "bin"))
  writeFileSync(join(folder, "project/package.json"), `{ "type": "module" }\n`)
  symlinkSync(join(root, "node_modules"), join(folder, "project/node_modules"))
  const command = `exec "${process.execPath}" "${builtFile("cli.js")}"`
  writeFileSync(join(folder, "bin/mooring"), `#!/bin/sh\n${command} "$@"\n`, { mode: 0o755 })
  writeFileSync(join(folder, "bin/npx"), `#!/bin/sh\nshift\n${command} "$@"\n`, { mode: 0o755 })
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  appendFileSync(path, text)
  chmodSync(path, 0o600)
}

function run(file: string, args: readonly string[], folder: string): Promise<string> {
  const hook = pathToFileURL(join(import.meta.dirname, "as-built.fixture.mjs")).href
  const { PATH, TMPDIR } = process.env
  const env = {
    PATH: [join(folder, "bin"), dirname(process.execPath), PATH].join(delimiter),
    HOME: join(folder, "home"),
    NODE_OPTIONS: `--import ${hook}`,
    MOORING_BUILT: pathToFileURL(join(builtFile("index.js"), "..", "/")).href,
    NO_COLOR: "1",
    TZ: "UTC",
    ...(TMPDIR !== undefined && { TMPDIR }),
  }
  return new Promise((resolve, reject) => {
    const options = { cwd: join(folder, "project"), env, maxBuffer: 1e7 }
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}\n${stderr}`))
      else resolve(stdout)
    })
  })
}

function byBlock(out: string): Map<number, string> {
  const parts = out.split(outputMark).slice(1)
  return new Map(parts.map((part) => [Number.parseInt(part, 10), part.slice(part.indexOf("\n") + 1)]))
}
