import { execFile } from "node:child_process"
import { setTimeout as wait } from "node:timers/promises"
import { promisify } from "node:util"

const run = promisify(execFile)

/** Sends a signal to a process and to all that descend from it; waits for their end where it is SIGKILL. */
export async function signalTree(pid: number, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void> {
  const rows = await processes()
  const children = (parent: number): number[] =>
    rows.filter((row) => row.parent === parent).flatMap((row) => [row.pid, ...children(row.pid)])
  // The parent first: it would start others in place of its children.
  const all = [pid, ...children(pid)]
  for (const each of all) send(each, signal)
  if (signal !== "SIGKILL") return
  for (let i = 0; i < 100; i++) {
    const left = await processes()
    if (!left.some((row) => all.includes(row.pid))) return
    await wait(20)
  }
}

/** The processes that run. Those that have ended and that nobody has asked about do not. */
async function processes(): Promise<{ pid: number; parent: number }[]> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,stat="])
  const rows = stdout.split("\n").map((line) => line.trim().split(/\s+/))
  const live = rows.filter(([pid, , state]) => pid && !state?.startsWith("Z"))
  return live.map(([pid, parent]) => ({ pid: Number(pid), parent: Number(parent) }))
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}
