import { existsSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join, relative, resolve } from "node:path"
import { UsageError } from "./errors.ts"

/** The folder in which the command was called. */
const callersFolder = process.cwd()
let close: (() => Promise<void>) | undefined
let project: string | undefined

/** The folder that {@link openProject} made the project. */
export function projectFolder(): string {
  return project ?? callersFolder
}

/** The path of a file that was named on the command line: relative to the folder in which the command was called. */
export function callersPath(path: string): string {
  return resolve(callersFolder, path)
}

/** How a path is shown to the caller. */
export function pathFromCaller(path: string): string {
  return relative(callersFolder, path)
}

/**
 * Makes a folder the project, and loads its `mooring.config.ts`. It becomes the working directory: relative files in SQL
 * are the project's, as those of its sections are.
 */
export async function openProject(named: string | undefined): Promise<void> {
  const { loadConfigFile } = await configureProject(named)
  process.chdir(projectFolder())
  await loadConfigFile(projectFolder())
}

/**
 * Makes a folder the project: the one that was named, else that of `MOORING_PROJECT`, else the nearest one from here
 * upwards that has `.mooring` or `.streamlit`, else the working directory. Nothing of it is executed.
 *
 * @returns the public interface, loaded only now: help needs none of it.
 */
export async function configureProject(named: string | undefined): Promise<typeof import("../index.ts")> {
  if (named !== undefined && !statSync(named, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`There is no folder ${named}.`, "Give --project the folder that has .mooring in it.")
  }
  const mooring = await import("../index.ts")
  project = resolve(named ?? (process.env.MOORING_PROJECT || nearestProject(process.cwd())))
  close = () => mooring.closeAll({ timeout: 2 })
  mooring.configure({ project })
  return mooring
}

/** Releases what the command opened. */
export async function closeProject(): Promise<void> {
  await close?.()
}

function nearestProject(from: string): string {
  const home = homeFolder()
  for (let folder = from; ; folder = dirname(folder)) {
    // The home folder's files count for every project; they do not make it one.
    const isMarked = [".mooring", ".streamlit"].some((name) => existsSync(join(folder, name)))
    if (isMarked && (folder !== home || folder === from)) return folder
    if (folder === dirname(folder)) return from
  }
}

/** Undefined for a user without one, as in some containers. */
function homeFolder(): string | undefined {
  try {
    return homedir()
  } catch {
    return undefined
  }
}
