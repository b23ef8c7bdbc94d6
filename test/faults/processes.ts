import { execFile } from "node:child_process"
import { setTimeout as wait } from "node:timers/promises"
import { promisify } from "node:util"

const run = promisify(execFile)

/**
 * Sends a signal to a process and to all that descend from it. Waits for their end where it is SIGKILL, and where it is
 * SIGSTOP until all have stopped: on a busy machine, threads go on for a while.
 */
export async function signalTree(pid: number, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void> {
  const rows = await processes()
  const children = (parent: number): number[] => {
    const own = new Set(rows.filter((row) => row.parent === parent).map((row) => row.pid))
    return [...own].flatMap((child) => [child, ...children(child)])
  }
  // The parent first: it would start others in place of its children.
  const all = [pid, ...children(pid)]
  for (const each of all) send(each, signal)
  if (signal === "SIGCONT") return
  const runs = (row: Process) => all.includes(row.pid) && (signal === "SIGKILL" || row.state !== "T")
  for (let i = 0; i < 100 && (await processes()).some(runs); i++) await wait(20)
}

/** One thread of a process. */
interface Process {
  readonly pid: number
  readonly parent: number
  /** `T` is stopped. */
  readonly state: string
}

/** The processes that run, by their threads. Those that have ended and that nobody has asked about do not. */
async function processes(): Promise<Process[]> {
  const { stdout } = await run("ps", ["-A", "-L", "-o", "pid=,ppid=,stat="])
  const rows = stdout.split("\n").map((line) => line.trim().split(/\s+/))
  const live = rows.map(([pid, parent, state = ""]) => ({
    pid: Number(pid),
    parent: Number(parent),
    state: state[0] ?? "",
  }))
  return live.filter(({ pid, state }) => pid > 0 && state !== "Z")
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}
