import { existsSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { MooringError, type QueryError } from "../../../errors.ts"
import { memoryLost } from "../../memory-lost.ts"
import type { Opener } from "./connection.ts"
import type { Driver, RawConnection, RawInstance } from "./driver.ts"
import { isFatal, messageOf } from "./failures.ts"
import { remember, spellingInUse } from "./files.ts"
import { type Location, quoteText, splitOptions, unknownOption } from "./source.ts"
import { onThread } from "./threads.ts"

/**
 * The driver's instance of one database, opened when it is first needed.
 *
 * Instances of a file come out of the process's one cache: two made apart from each other both succeed, and each loses
 * what the other writes.
 */
export class Instance implements Opener {
  readonly driver: Driver
  raw: RawInstance | undefined
  #opening: Promise<RawInstance> | undefined
  #forget: (() => void) | undefined
  /** The first error after which a database in memory may be gone, and what is said once it is. */
  #defect: string | undefined
  #lost: QueryError | undefined
  readonly #location: Location
  readonly #options: Record<string, string>
  /** Settings that belong to a session and not to the instance. */
  readonly #sessionOptions: readonly [string, string][]

  readonly #inUrl: readonly string[]

  /** @param inUrl names of options that a URL gave. */
  constructor(driver: Driver, location: Location, options: Record<string, string>, inUrl: readonly string[]) {
    this.driver = driver
    this.#inUrl = inUrl
    this.#location = location
    const { instance, session } = splitOptions(options, (name, value) => {
      try {
        driver.bindings.set_config(driver.bindings.create_config(), name, value)
        return true
      } catch {
        return false
      }
    })
    this.#options = instance
    this.#sessionOptions = session
  }

  /** A file that an opening would make. */
  isMissing(): boolean {
    return this.#location.kind === "file" && this.raw === undefined && !existsSync(this.#location.path)
  }

  check(): void {
    const { kind, path } = this.#location
    if (kind !== "file") return
    if (existsSync(path)) {
      if (statSync(path).isDirectory()) throw cannotOpen(path, "is a folder", "Name a file in it.")
    } else if (this.#options.access_mode?.toUpperCase() === "READ_ONLY") {
      throw cannotOpen(path, "does not exist", 'Make it first, without access_mode = "READ_ONLY".')
    } else if (!existsSync(dirname(path))) {
      throw cannotOpen(path, "is in a folder that does not exist", "Make the folder.")
    }
  }

  /** A file is opened anew after a failure of the whole instance. What was in memory only is gone. */
  explain(error: unknown): unknown {
    if (this.#location.kind !== "memory" || !isFatal(error)) return error
    this.#defect ??= firstLine(error)
    // Not every internal error ends the instance: its next statement shows it.
    if (messageOf(error).startsWith("INTERNAL")) return error
    return (this.#lost ??= memoryLost(this.#defect, error))
  }

  async connect({ create }: { create: boolean }): Promise<RawConnection> {
    if (this.#lost !== undefined) throw this.#lost
    if (!create && this.isMissing()) {
      throw cannotOpen(
        this.#location.path,
        "does not exist yet",
        "query() never makes a file. The first execute(), or a session, does.",
      )
    }
    const instance = await this.open()
    const connection = await onThread(() => instance.connect()).catch((error) => {
      throw this.explain(error)
    })
    try {
      for (const [name, value] of this.#sessionOptions) {
        const text = `SET ${name} = ${quoteText(value)}`
        await onThread(() => this.driver.bindings.query(connection.connection, text))
      }
      return connection
    } catch (error) {
      connection.disconnectSync()
      throw unknownOption(messageOf(error), this.#inUrl) ?? this.explain(error)
    }
  }

  /** Once, however many ask; a failure is forgotten. */
  open(): Promise<RawInstance> {
    this.#opening ??= this.#create().catch((error) => {
      this.#opening = undefined
      throw this.#translate(error)
    })
    return this.#opening
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    this.raw?.closeSync()
    this.raw = undefined
    this.#forget?.()
    this.#forget = undefined
    this.#opening = undefined
  }

  async #create(): Promise<RawInstance> {
    this.check()
    const { api, cache } = this.driver
    const { kind, path } = this.#location
    if (path === ":memory:") return (this.raw = await onThread(() => api.DuckDBInstance.create(path, this.#options)))
    const spelling = kind === "file" ? spellingInUse(path) : path
    this.raw = await onThread(() => cache.getOrCreateInstance(spelling, this.#options))
    if (kind === "file") this.#forget = remember(spelling)
    return this.raw
  }

  /** A lock is left to `classify`, which knows that waiting may help. */
  #translate(error: unknown): unknown {
    const message = messageOf(error)
    const { path, kind } = this.#location
    const unknown = unknownOption(message, this.#inUrl)
    if (unknown) return unknown
    if (message.includes("different configuration than existing connections")) {
      return new MooringError("BAD_CONFIG", `The DuckDB file "${path}" is open in this process with other settings.`, {
        hint: "Give all connections to one file the same access_mode, threads, memory_limit and settings.",
        cause: error,
      })
    }
    if (kind !== "file" || message.includes("Could not set lock") || !message.startsWith("IO Error")) return error
    if (message.includes("not a valid DuckDB database")) {
      return cannotOpen(path, "is not a DuckDB database", "Check the name: is it another kind of file?", error)
    }
    if (message.includes("Permission denied") || message.includes("Read-only file system")) {
      return cannotOpen(path, "may not be written", 'Set access_mode = "READ_ONLY" to read it.', error)
    }
    return cannotOpen(path, `cannot be opened: ${message.slice("IO Error: ".length)}`, undefined, error)
  }
}

function firstLine(error: unknown): string {
  return messageOf(error).split("\n", 1)[0]!.replace(/\.$/, "")
}

function cannotOpen(path: string, why: string, hint: string | undefined, cause?: unknown): MooringError {
  return new MooringError("CONNECT", `The DuckDB file "${path}" ${why}.`, {
    ...(hint !== undefined && { hint }),
    ...(cause !== undefined && { cause }),
  })
}
