import { type ChildProcess, spawn } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { constants, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { onTestFinished } from "vitest"
import { builtFile } from "../support/built-file.ts"

export const mainFile: string = builtFile("cli.js")
export const indexFile: string = builtFile("index.js")

/** What stands in a secret's place in tests that look for it. */
export const canary = "canary-7f3a9c"

/** A project's folder with a home folder beside it, gone after the test. */
export function project(files: Record<string, string> = {}): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "mooring-cli-")))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const place = join(folder, "project")
  mkdirSync(join(folder, "home"))
  mkdirSync(place)
  for (const [path, text] of Object.entries(files)) put(join(place, path), text)
  return place
}

export function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, text)
  chmodSync(path, 0o600)
}

/** A project with a database in memory called `pets`. */
export function petsProject(files: Record<string, string> = {}): string {
  return project({ ".mooring/secrets.toml": '[connections.pets]\nurl = "duckdb:///:memory:"\n', ...files })
}

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly bytes: Uint8Array
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Outcome>
}

export interface CallOptions {
  readonly input?: string
  readonly env?: Record<string, string>
}

/** What the machine's environment says of Mooring, colours and terminals must not reach a test. */
export function cleanEnv(folder: string, env: Record<string, string> = {}): NodeJS.ProcessEnv {
  const { PATH } = process.env
  return { PATH, HOME: join(dirname(folder), "home"), TERM: "xterm-256color", NODE_NO_WARNINGS: "", ...env }
}

/** Starts the real command line. */
export function start(folder: string, args: readonly string[], { input, env }: CallOptions = {}): Running {
  return collect(spawn(process.execPath, [mainFile, ...args], { cwd: folder, env: cleanEnv(folder, env) }), input)
}

/** Runs a line of the shell in which `mooring` is a command. */
export function shell(folder: string, line: string): Promise<Outcome> {
  const prelude = `mooring() { "${process.execPath}" "${mainFile}" "$@"; }; set -o pipefail; `
  return collect(spawn("bash", ["-c", prelude + line], { cwd: folder, env: cleanEnv(folder) })).ended
}

/** Runs the command line to its end. */
export function mooring(folder: string, args: readonly string[], options?: CallOptions): Promise<Outcome> {
  return start(folder, args, options).ended
}

function collect(child: ChildProcess, input = ""): Running {
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout!.on("data", (chunk: Buffer) => out.push(chunk))
  child.stderr!.on("data", (chunk: Buffer) => err.push(chunk))
  child.stdin!.on("error", () => undefined).end(input)
  onTestFinished(() => void child.kill("SIGKILL"))
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (status, signal) => {
      const bytes = Buffer.concat(out)
      // As a shell tells it.
      const code = signal === null ? status : 128 + constants.signals[signal]
      resolve({ code, stdout: bytes.toString(), stderr: Buffer.concat(err).toString(), bytes })
    })
  })
  return { child, ended }
}
