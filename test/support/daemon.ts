/** Server programs as processes of their own: found, started by somebody who is not root, ended. */
import { spawn } from "node:child_process"
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { createConnection, createServer } from "node:net"
import { delimiter, join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"

/** Debian keeps servers where only root's PATH leads. */
const folders = ["/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"]

/** The path of the first of these programs that is on this machine. */
export function findProgram(...names: string[]): string | undefined {
  const places = [...(process.env.PATH ?? "").split(delimiter), ...folders].filter((folder) => folder !== "")
  return names.flatMap((name) => places.map((folder) => join(folder, name))).find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Whom a process belongs to. */
export interface User {
  readonly uid: number
  readonly gid: number
}

/** Whom a server runs as when we are root, which most servers refuse. Undefined: the present user. */
export function serverUser(name: string): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync("/etc/passwd", "utf8").split("\n")
  const line = users.find((user) => user.startsWith(`${name}:`)) ?? users.find((user) => user.startsWith("nobody:"))
  if (line === undefined) throw new Error(`There is no user ${name} or nobody for the server to run as.`)
  const [, , uid, gid] = line.split(":")
  return { uid: Number(uid), gid: Number(gid) }
}

/** A new folder below `parent` that belongs to the server's user. */
export function serverFolder(parent: string, name: string, user: User | undefined): string {
  const folder = mkdtempSync(join(parent, `${name}-`))
  chmodSync(folder, 0o755)
  if (user) chownSync(folder, user.uid, user.gid)
  return folder
}

/** A loopback port that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** Whether somebody listens on a loopback port. */
export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1")
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once("connect", () => end(true)).once("error", () => end(false))
  })
}

/** How a server is started. */
export interface DaemonOptions {
  /** Of {@link serverFolder}: gets the files `log` and `pid`. */
  readonly folder: string
  readonly port: number
  readonly user: User | undefined
}

/** Starts a server that outlives this process, and waits until it listens. Gives the process' id. */
export async function startDaemon(program: string, args: readonly string[], options: DaemonOptions): Promise<number> {
  const { folder, port, user } = options
  if (await answers(port)) throw new Error(`${program} did not start: port ${port} is another server's.`)
  const log = join(folder, "log")
  const output = openSync(log, "a")
  const env = { PATH: process.env.PATH, LC_ALL: "C" }
  const child = spawn(program, args, { ...user, cwd: folder, env, detached: true, stdio: ["ignore", output, output] })
  let ended: unknown
  child.once("error", (error) => (ended = error)).once("exit", (code, signal) => (ended = signal ?? `code ${code}`))
  child.unref()
  if (child.pid !== undefined) writeFileSync(join(folder, "pid"), String(child.pid))
  writeFileSync(join(folder, "command.json"), JSON.stringify({ program, args, port, user }))
  const end = Date.now() + 60_000
  while (!(await answers(port)) || ended !== undefined) {
    if (ended !== undefined || Date.now() > end) {
      child.kill("SIGKILL")
      throw new Error(`${program} did not start (${ended ?? "no answer"}).\n${readFileSync(log, "utf8")}`)
    }
    await wait(20)
  }
  return child.pid!
}

/** Starts the server of a folder again, as it was started before. */
export async function restartDaemon(folder: string): Promise<number> {
  const { program, args, ...options } = JSON.parse(readFileSync(join(folder, "command.json"), "utf8"))
  return startDaemon(program, args, { folder, ...options })
}

/** Ends the server of a folder with a signal, and waits until it is gone. Nothing happens where none runs. */
export async function endDaemon(folder: string, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  const pid = daemonOf(folder)
  if (pid === undefined) return
  process.kill(pid, signal)
  const { port } = JSON.parse(readFileSync(join(folder, "command.json"), "utf8")) as DaemonOptions
  for (const end = Date.now() + 10_000; Date.now() < end; await wait(10)) {
    // A process of several threads lets go of its port after its first thread is gone.
    if (!runs(pid, folder) && !(await answers(port))) return
  }
  if (signal !== "SIGKILL") return endDaemon(folder)
}

/** Ends the server of a folder, and removes the folder. */
export async function removeDaemon(folder: string): Promise<void> {
  await endDaemon(folder)
  rmSync(folder, { recursive: true, force: true })
}

/** The process of a folder's server, while it runs. */
export function daemonOf(folder: string): number | undefined {
  const file = join(folder, "pid")
  if (!existsSync(file)) return undefined
  const pid = Number(readFileSync(file, "utf8"))
  return runs(pid, folder) ? pid : undefined
}

/** A process' id is given away again: where the system tells, the process has to work in the server's folder. */
function runs(pid: number, folder: string): boolean {
  try {
    process.kill(pid, 0)
    return !existsSync("/proc/self/cwd") || readlinkSync(`/proc/${pid}/cwd`).startsWith(realpathSync(folder))
  } catch {
    return false
  }
}
