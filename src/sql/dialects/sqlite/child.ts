import { type ChildProcess, spawn } from "node:child_process"
import { basename, dirname } from "node:path"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"
import { serialize } from "node:v8"
import { processGlobal } from "../../../util/globals.ts"
import { type FrameKind, FrameReader, frameKinds, frameStart } from "./frames.ts"
import { fromPacket } from "./packet.ts"
import type { Reply, Send, WorkerSetup } from "./protocol.ts"
import type { Listener, Transport } from "./transport.ts"
import { workerUrl } from "./worker-url.ts"

/** Children without a connection that are kept for the next one, since a process takes some 40 ms to start. */
const spare = processGlobal<Child[]>("sqlite.children@1", () => [])
const mostSpare = 2
/** How long a child is kept; ms. */
const spareFor = 10_000

/**
 * Whether this program can start itself with another script. A program that was compiled into one file, or is Electron,
 * would start a second time instead.
 */
export function canHaveChildren(): boolean {
  const permission = (process as { permission?: { has(scope: string): boolean } }).permission
  // The child has the same permissions, and starts a thread.
  if (permission && !(permission.has("child") && permission.has("worker"))) return false
  if (process.versions.electron !== undefined || !/^(?:node|bun|deno)/i.test(basename(process.execPath))) return false
  const { Bun, Deno } = globalThis as { Bun?: { main: string }; Deno?: { build?: { standalone?: boolean } } }
  if (Bun?.main.includes("$bunfs") || Deno?.build?.standalone) return false
  const sea = process.getBuiltinModule?.("node:sea") as { isSea(): boolean } | undefined
  return !sea?.isSea()
}

/** A worker in a child process, which can be killed whatever it does. */
export function startChild(setup: WorkerSetup, listener: Listener): Transport {
  const child = spare.pop() ?? new Child()
  child.begin(setup, listener)
  return child
}

/** A socket or pipe, as runtimes have it. */
type Unreferenced = { ref?(): void; unref?(): void }

class Child implements Transport {
  isReused = false
  private readonly process: ChildProcess
  readonly #input: Writable
  readonly #output: Readable
  readonly #ended: Promise<void>
  #listener: Listener | undefined
  #spareTimer: NodeJS.Timeout | undefined

  constructor() {
    const child = spawn(process.execPath, [fileURLToPath(workerUrl())], {
      stdio: ["pipe", "pipe", "inherit"],
      env: environment(),
      // Any folder that stays: a database's own is entered when it is opened.
      cwd: dirname(process.execPath),
      windowsHide: true,
    })
    // Where files are lacking for its pipes, Node gives none; the error that it reports later says no more.
    if (!child.stdin || !child.stdout) {
      child.once("error", () => undefined)
      throw Object.assign(new Error("No more files may be opened."), { code: "EMFILE" })
    }
    this.process = child
    this.#input = child.stdin
    this.#output = child.stdout
    this.#ended = new Promise((resolve) => {
      child.once("exit", () => resolve())
      child.once("error", () => resolve())
    })
    const reader = new FrameReader((kind, head, payload) => this.#receive(kind, head, payload))
    this.#output.on("data", (chunk: Uint8Array) => {
      try {
        reader.push(chunk)
      } catch (error) {
        this.#giveUp(error)
      }
    })
    child.once("error", (error) => this.#lose(error))
    // After `exit`, replies may still be in the pipe; `close` comes when it is empty.
    child.once("close", (code, signal) => this.#lose(endOf(code, signal)))
    // Its end is reported by `close`; a write that comes too late says nothing more.
    this.#input.on("error", () => undefined)
    this.#output.on("error", () => undefined)
    this.unref()
  }

  begin(setup: WorkerSetup, listener: Listener): void {
    clearTimeout(this.#spareTimer)
    this.#listener = listener
    this.#write(frameKinds.start, serialize(setup))
  }

  send(message: Send): void {
    this.#write(frameKinds.request, serialize(message))
  }

  stop(id: number): void {
    this.#write(frameKinds.stop, serialize(id))
  }

  kill(): Promise<void> {
    this.#listener = undefined
    this.ref()
    this.process.kill("SIGKILL")
    return this.#ended.then(() => this.unref())
  }

  async end(): Promise<void> {
    this.#listener = undefined
    this.unref()
    if (spare.length >= mostSpare) {
      this.#leave()
      return
    }
    this.isReused = true
    spare.push(this)
    this.#spareTimer = setTimeout(() => this.#leave(), spareFor)
    this.#spareTimer.unref()
  }

  ref(): void {
    for (const one of [this.process, this.#input, this.#output] as Unreferenced[]) one.ref?.()
  }

  unref(): void {
    for (const one of [this.process, this.#input, this.#output] as Unreferenced[]) one.unref?.()
  }

  #leave(): void {
    this.#forget()
    this.#write(frameKinds.leave, new Uint8Array())
    this.#input.end()
  }

  #receive(kind: FrameKind, head: Uint8Array, payload: Uint8Array): void {
    if (kind === frameKinds.reply) this.#listener?.reply(fromPacket(head, payload) as Reply)
    else this.#giveUp(Object.assign(new Error(), fromPacket(head, payload)))
  }

  /** Nothing can be done with it any more, but it may still run. */
  #giveUp(cause: unknown): void {
    this.#lose(cause)
    this.process.kill("SIGKILL")
  }

  #lose(cause: unknown): void {
    this.#forget()
    this.#listener?.lost(cause)
    this.#listener = undefined
  }

  #forget(): void {
    clearTimeout(this.#spareTimer)
    const index = spare.indexOf(this)
    if (index !== -1) spare.splice(index, 1)
  }

  #write(kind: FrameKind, head: Uint8Array): void {
    this.#input.write(frameStart(kind, head))
  }
}

function endOf(exitCode: number | null, signal: NodeJS.Signals | null): Error {
  const error = new Error(`It ended with ${signal ?? `exit code ${exitCode}`}.`)
  return signal === null ? error : Object.assign(error, { code: signal })
}

/** Loaders, inspectors and other options of this process are not for the child. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, NODE_CHANNEL_FD: ___, ...others } = process.env
  return others
}
