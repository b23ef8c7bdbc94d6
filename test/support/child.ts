import { spawn } from "node:child_process"

/** How a script ended. `code` is null where it had to be killed. */
export interface ScriptResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ScriptOptions {
  readonly cwd?: string
  readonly nodeOptions?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** After so long it is killed: it did not end by itself. */
  readonly timeoutMs?: number
}

/** Runs a script in a Node process of its own, in a home folder that is the script's folder. */
export function runScript(script: string, options: ScriptOptions = {}): Promise<ScriptResult> {
  const { cwd = process.cwd(), nodeOptions = [], timeoutMs = 15_000 } = options
  const env = { ...process.env, HOME: cwd, USERPROFILE: cwd, NODE_NO_WARNINGS: "", ...options.env }
  const child = spawn(process.execPath, [...nodeOptions, script], { cwd, env, stdio: ["ignore", "pipe", "pipe"] })
  const read = { stdout: "", stderr: "" }
  child.stdout.on("data", (text) => (read.stdout += text))
  child.stderr.on("data", (text) => (read.stderr += text))
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs)
  return new Promise((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code) => {
      clearTimeout(timer)
      resolve({ code, ...read })
    })
  })
}
