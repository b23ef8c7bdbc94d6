import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { onTestFinished } from "vitest"
import { type Configuration, closeAll, configure } from "../../src/index.ts"

/** A project's folder that the process works in until the test ends. */
export interface TestProject {
  readonly dir: string
  /** Writes a file, private to the user, and its folders. Gives its absolute path. */
  write(path: string, text: string): string
  /** Writes `.mooring/secrets.toml`. */
  secrets(text: string): void
}

/**
 * Puts the process into an empty project: its folder and home folder are new, and no variable configures anything.
 * After the test all connections are closed and everything is as it was.
 */
export function useProject(files: Readonly<Record<string, string>> = {}): TestProject {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "mooring-project-")))
  const write = (path: string, text: string): string => {
    const full = join(dir, path)
    mkdirSync(dirname(full), { recursive: true, mode: 0o700 })
    writeFileSync(full, text)
    chmodSync(full, 0o600)
    return full
  }
  for (const [path, text] of Object.entries(files)) write(path, text)
  mkdirSync(join(dir, "home"))
  setVariable("HOME", join(dir, "home"))
  setVariable("USERPROFILE", join(dir, "home"))
  const undo = configure({ project: dir })
  onTestFinished(async () => {
    await closeAll({ timeout: 1 })
    undo()
    rmSync(dir, { recursive: true, force: true })
  })
  return { dir, write, secrets: (text) => void write(".mooring/secrets.toml", text) }
}

/** Lays settings over those that hold, until the test ends. */
export function useConfiguration(settings: Configuration): void {
  onTestFinished(configure(settings))
}

/** Sets an environment variable, or takes it away, until the test ends. */
export function setVariable(name: string, value: string | undefined): void {
  const before = process.env[name]
  assign(name, value)
  onTestFinished(() => assign(name, before))
}

function assign(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}
