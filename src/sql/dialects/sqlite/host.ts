import { rmSync } from "node:fs"
import { deserialize } from "node:v8"
import { Worker } from "node:worker_threads"
import { FrameReader, frameKinds, writePacket } from "./frames.ts"
import { toPacket } from "./packet.ts"
import type { Send, WorkerSetup, WorkerStart } from "./protocol.ts"
import { stopAll } from "./protocol.ts"

/** How long a statement may still run after the parent process has ended; ms. */
const lastGrace = 200

/**
 * The main thread of a child process: it passes requests on to a worker thread, which runs SQLite and writes the replies,
 * and stays free to hear that a statement shall stop, or that the parent process is gone.
 */
export function runHost(program: URL): void {
  let worker: Worker | undefined
  let stop = new Int32Array(new SharedArrayBuffer(4))
  let temporary: string | undefined
  let isLeaving = false

  const start = (setup: WorkerSetup) => {
    stop = new Int32Array(new SharedArrayBuffer(4))
    temporary = setup.temporary
    enter(setup.workingFolder)
    const data: WorkerStart = { setup, stop: stop.buffer, output: "pipe" }
    const lose = ({ message, code }: NodeJS.ErrnoException) => {
      if (!isLeaving) writePacket(1, frameKinds.lost, toPacket({ message, code }))
    }
    let started: Worker
    try {
      started = new Worker(program, { workerData: data, name: "mooring sqlite" })
    } catch (error) {
      // The system has no more threads.
      lose(error as NodeJS.ErrnoException)
      return
    }
    worker = started
    started.on("error", lose)
    started.on("exit", () => {
      if (worker === started) worker = undefined
      if (isLeaving) end()
    })
  }
  const enter = (folder: string | undefined) => {
    try {
      if (folder !== undefined) process.chdir(folder)
    } catch {
      // It was removed meanwhile: then no statement can name a file in it.
    }
  }
  const end = () => {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true })
    // process.exit() would wait for a statement that runs.
    process.kill(process.pid, "SIGKILL")
  }
  const leave = () => {
    if (isLeaving) return
    isLeaving = true
    if (worker === undefined) return end()
    Atomics.store(stop, 0, stopAll)
    worker.postMessage({ id: -1, request: { type: "close" } } satisfies Send)
    setTimeout(end, lastGrace)
  }
  const reader = new FrameReader((kind, head) => {
    switch (kind) {
      case frameKinds.start:
        return start(deserialize(head) as WorkerSetup)
      case frameKinds.request:
        return worker?.postMessage(head, [head.buffer as ArrayBuffer])
      case frameKinds.stop:
        return void Atomics.store(stop, 0, deserialize(head) as number)
      default:
        // The database belongs to a process that goes on.
        temporary = undefined
        return leave()
    }
  })
  process.stdin.on("data", (chunk: Uint8Array) => reader.push(chunk))
  process.stdin.on("end", leave)
  process.stdin.on("error", leave)
  // Signals from a terminal go to all its processes, and the parent decides what ends.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined)
}
