import { chmod, lstat, mkdir, open, rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { MooringError } from "../errors.ts"
import { sha256 } from "../util/sha256.ts"
import { homeFolder } from "../util/user.ts"

/**
 * Where a project's cached results are kept unless it is told otherwise: in the user's cache folder
 * (`$XDG_CACHE_HOME` or `~/.cache`, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows), one folder a project.
 *
 * Not in the project: cached rows are as confidential as the database, and a project's folder is committed, copied
 * into images and shared.
 *
 * @param project the project's folder, an absolute path.
 * @returns undefined for a user without a home folder.
 */
export function defaultCacheFolder(
  project: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
): string | undefined {
  const folder = userCacheFolder(env, platform)
  return folder && join(folder, "mooring", `${basename(project)}-${sha256(project).slice(0, 12)}`)
}

function userCacheFolder(env: Readonly<Record<string, string | undefined>>, platform: string): string | undefined {
  if (env.XDG_CACHE_HOME) return env.XDG_CACHE_HOME
  if (platform === "win32" && env.LOCALAPPDATA) return env.LOCALAPPDATA
  const home = homeFolder()
  return home && (platform === "darwin" ? join(home, "Library", "Caches") : join(home, ".cache"))
}

/**
 * Makes a folder that only this user can enter, or makes an existing one so.
 *
 * @throws MooringError `CACHE` where another user owns the folder or could have written into it: what lies there may
 * have been put there to be read.
 */
export async function makePrivateFolder(folder: string): Promise<void> {
  await makeFolder(folder)
  const info = await lstat(folder)
  if (!info.isDirectory()) throw unsafe(folder, "is not a folder")
  const user = process.getuid?.()
  if (user === undefined) return
  if (info.uid !== user) throw unsafe(folder, "belongs to another user")
  if (info.mode & 0o022) throw unsafe(folder, "can be written by other users")
  if (info.mode & 0o055) await chmod(folder, 0o700)
}

/**
 * Writes a file that is there wholly or not at all, whatever kills this process: under a temporary name, flushed to
 * the disk, then renamed. Readable by this user only.
 *
 * @param temporary a path on the same file system that nobody else uses.
 */
export async function writeWhole(path: string, temporary: string, parts: readonly Uint8Array[]): Promise<void> {
  try {
    const file = await open(temporary, "wx", 0o600)
    try {
      for (const part of parts) await file.writeFile(part)
      await file.sync()
    } finally {
      await file.close()
    }
    await renameInto(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Renames; makes the folder where it is missing, as it is before the first file and after a clean-up. */
async function renameInto(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await rename(from, to)
    } catch (error) {
      if (!isMissing(error) || attempt === 3) throw error
      await makeFolder(dirname(to))
    }
  }
}

/**
 * Makes a folder and those above it, for this user only. Node's own `recursive` never ends where a folder exists but
 * reports of every new one that it is missing, as `/proc` does.
 */
async function makeFolder(folder: string): Promise<void> {
  const parent = dirname(folder)
  try {
    return await makeLast(folder)
  } catch (error) {
    if (!isMissing(error) || parent === folder) throw error
  }
  await makeFolder(parent)
  await makeLast(folder)
}

async function makeLast(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    // What is said of a folder that exists differs: EEXIST, EROFS, EACCES.
    if (!(await isFolder(folder))) throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

/** True for the error of a file or folder that is not there. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === "ENOENT"
}

function unsafe(folder: string, what: string): MooringError {
  return new MooringError("CACHE", `The cache folder ${folder} ${what}.`, {
    hint: "Remove it, or configure a folder that only you can write.",
  })
}
