import { existsSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { UsageError } from "./errors.ts"

let close: (() => Promise<void>) | undefined

/**
 * Makes a folder the project: the one that was named, else that of `MOORING_PROJECT`, else the nearest one from here
 * upwards that has `.mooring` or `.streamlit`, else the working directory. Then loads its `mooring.config.ts`.
 */
export async function openProject(named: string | undefined): Promise<void> {
  if (named !== undefined && !statSync(named, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`There is no folder ${named}.`, "Give --project the folder that has .mooring in it.")
  }
  const folder = resolve(named ?? (process.env.MOORING_PROJECT || nearestProject(process.cwd())))
  const { closeAll, configure, loadConfigFile } = await import("../index.ts")
  close = () => closeAll({ timeout: 2 })
  configure({ project: folder })
  await loadConfigFile(folder)
}

/** Releases what the command opened. */
export async function closeProject(): Promise<void> {
  await close?.()
}

function nearestProject(from: string): string {
  const home = homedir()
  for (let folder = from; ; folder = dirname(folder)) {
    // The home folder's files count for every project; they do not make it one.
    const isMarked = [".mooring", ".streamlit"].some((name) => existsSync(join(folder, name)))
    if (isMarked && (folder !== home || folder === from)) return folder
    if (folder === dirname(folder)) return from
  }
}
