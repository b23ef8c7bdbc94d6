import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { inspect } from "node:util"
import { onTestFinished } from "vitest"
import type { MooringError } from "../../src/errors.ts"
import { type SecretsOptions, SecretsStore } from "../../src/secrets/index.ts"

/** A project's folder with a home folder in it, gone after the test. */
export function project(files: Record<string, string> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "mooring-secrets-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) put(folder, path, text)
  return folder
}

export function put(folder: string, path: string, text: string | Uint8Array): string {
  const full = join(folder, path)
  mkdirSync(dirname(full), { recursive: true, mode: 0o700 })
  writeFileSync(full, text)
  chmodSync(full, 0o600)
  return full
}

/** A store that sees nothing of the machine it runs on, and the problems that it reported. */
export function storeOf(folder: string, options: Partial<SecretsOptions> = {}) {
  const problems: MooringError[] = []
  const onProblem = (problem: MooringError) => void problems.push(problem)
  const store = new SecretsStore({ projectDir: folder, homeDir: join(folder, "home"), env: {}, onProblem, ...options })
  onTestFinished(() => store.close())
  return Object.assign(store, { reported: problems })
}

export function caught(work: () => unknown): MooringError {
  try {
    work()
  } catch (error) {
    return error as MooringError
  }
  throw new Error("nothing was thrown")
}

/** Everything of an error that could reach a log. */
export function everythingOf(error: unknown): string {
  const texts: string[] = []
  for (let one: unknown = error; one instanceof Error; one = one.cause) {
    texts.push(one.message, one.stack ?? "", JSON.stringify(one, Object.getOwnPropertyNames(one)))
  }
  return [...texts, inspect(error, { depth: 20, showHidden: true })].join("\n")
}
