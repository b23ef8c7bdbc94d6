import { MooringError } from "../errors.ts"
import { permissionHint } from "../util/permission-model.ts"
import type { Data } from "./guard.ts"
import { absolutePath } from "./paths.ts"
import { maxBytes, readTextFileAsync, whyUnreadable } from "./read-file.ts"
import { CommandFailure, runCommand } from "./run-command.ts"

const brand: unique symbol = Symbol.for("mooring.reference@1") as never
const inspected: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never

/** A command has as long as a connect has by default. */
const commandTimeoutMs = 10_000

/** Where a reference was written, and what it needs to be read. */
export interface ReferenceContext {
  /** For people: `.mooring/secrets.toml [connections.pets]`. */
  readonly source: string
  /** Relative files start here, and commands run here. */
  readonly baseDir: string
  readonly homeDir: string | undefined
  readonly env: NodeJS.ProcessEnv
  /** Why nothing that this source names may be executed; undefined when it may. */
  readonly refusal: string | undefined
}

/** Reads the value that a reference stands for. */
type Read = (options: { signal?: AbortSignal | undefined }) => Promise<string>

/**
 * `{ file = "…" }` or `{ command = ["…"] }` in place of a value: where the value is to be had. It is read at every
 * physical connect, and never by showing it.
 */
export class SecretReference {
  readonly kind: "file" | "command"
  /** The key that it stands at: `password`, `query.sslkey`. */
  readonly key: string
  readonly source: string
  /** What it refers to, for cache keys: the same text means the same reference. Not for people: it has arguments. */
  declare readonly description: string
  declare readonly read: Read

  constructor(kind: "file" | "command", key: string, source: string, description: string, read: Read) {
    this.kind = kind
    this.key = key
    this.source = source
    // Not enumerable: arguments are nobody's to print.
    Object.defineProperties(this, {
      [brand]: { value: true },
      description: { value: description },
      read: { value: read },
    })
    Object.freeze(this)
  }

  toJSON(): string {
    return `{ ${this.kind} = … }`
  }

  [inspected](): string {
    return this.toJSON()
  }
}

/** True for a reference, made by this or another copy of the package. */
export function isReference(value: unknown): value is SecretReference {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[brand] === true
}

/**
 * The reference that a table is, if it is one: a table with exactly one key, `file` or `command`.
 *
 * @param fill interpolates variables.
 * @throws MooringError `SECRETS` if what stands there is not a path or a list of words.
 */
export function asReference(
  table: Data,
  key: string,
  fill: (text: string) => string,
  context: ReferenceContext,
): SecretReference | undefined {
  const keys = Object.keys(table)
  const kind = keys[0]
  if (keys.length !== 1 || (kind !== "file" && kind !== "command")) return undefined
  const written = kind === "file" ? [table.file] : table.command
  if (!Array.isArray(written) || written.length === 0 || !written.every((word) => typeof word === "string" && word)) {
    throw new MooringError("SECRETS", `${place(key, context)} has a ${kind} reference that cannot be read.`, {
      hint: 'Write { file = "/run/secrets/password" } or { command = ["op", "read", "op://vault/item"] }.',
    })
  }
  const words = written.map(fill)
  if (kind === "command") {
    const description = `command:${JSON.stringify([context.baseDir, ...words])}`
    return new SecretReference(kind, key, context.source, description, ({ signal }) =>
      fromCommand(words, key, context, signal),
    )
  }
  const path = absolutePath(words[0]!, context.baseDir, context.homeDir)
  return new SecretReference(kind, key, context.source, `file:${path}`, ({ signal }) =>
    fromFile(path, key, context, signal),
  )
}

async function fromFile(path: string, key: string, context: ReferenceContext, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted()
  try {
    return withoutLastNewline(await readTextFileAsync(path))
  } catch (error) {
    throw new MooringError("SECRETS", `${place(key, context)} refers to ${path}, but ${whyUnreadable(error)}.`, {
      hint: permissionHint(error) ?? "Check the path, and that this process may read the file.",
      cause: error,
    })
  }
}

async function fromCommand(
  argv: readonly string[],
  key: string,
  context: ReferenceContext,
  signal?: AbortSignal,
): Promise<string> {
  if (context.refusal !== undefined) throw refusedExecution(`${place(key, context)} is a command`, context.refusal)
  try {
    const options = { cwd: context.baseDir, env: context.env, signal, timeoutMs: commandTimeoutMs, maxBytes }
    return withoutLastNewline(await runCommand(argv, options))
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    throw new MooringError("SECRETS", `${place(key, context)} comes from a command, which ${error.message}.`, {
      hint: "Run the command by hand to see what it says; its output is not shown here, because it may be the secret.",
    })
  }
}

/** The error for something that a file names and must not have executed. */
export function refusedExecution(what: string, refusal: string): MooringError {
  return new MooringError("SECRETS", `${what}, and is not executed: ${refusal}.`, {
    hint: "Make the file your own and writable by nobody else, as with chmod 600.",
  })
}

function place(key: string, { source }: ReferenceContext): string {
  return `${JSON.stringify(key)} in ${source}`
}

function withoutLastNewline(text: string): string {
  return text.replace(/\r?\n$/, "")
}
