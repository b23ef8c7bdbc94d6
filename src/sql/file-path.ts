import { basename, dirname, join, resolve } from "node:path"
import { MooringError } from "../errors.ts"
import { fs } from "../util/node.ts"
import { homeFolder } from "../util/user.ts"
import type { SqlConfig } from "./dialect.ts"

/**
 * The absolute path of a database file: relative to the project's folder, `~/` for the user's home. All spellings of a file
 * come to one: links are followed, also by a file that is not there yet.
 */
export function filePath(given: string, projectDir: string): string {
  const home = /^~(?=$|[/\\])/.test(given) ? homeFolder() : undefined
  const path = home === undefined ? given : join(home, given.slice(1))
  return realPath(resolve(projectDir, path))
}

function realPath(path: string, links: number = 0): string {
  const real = orNone(() => fs.realpathSync.native(path))
  if (real !== undefined) return real
  // A link whose target is not there yet.
  const target = links < 40 ? orNone(() => fs.readlinkSync(path)) : undefined
  if (target !== undefined) return realPath(resolve(dirname(path), target), links + 1)
  const folder = dirname(path)
  return folder === path ? path : join(realPath(folder, links), basename(path))
}

/** Of what may not be looked at, the path stays as it is. */
function orNone(look: () => string): string | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}

/**
 * A file has no host: what stands there is a path with a slash too few.
 *
 * @throws MooringError `BAD_CONFIG`. Nothing of the URL is in it, since a host may be part of a mistyped password.
 */
export function refuseHost({ host, port }: SqlConfig, name: string, more: string = ""): void {
  if (host === undefined && port === undefined) return
  throw new MooringError("BAD_CONFIG", `The address of a ${name} database has no host or port.`, {
    hint:
      `Write ${name}:///pets.db for a file in the project's folder, ${name}:////var/lib/pets.db for an absolute path, ` +
      `or ${name}:// for a database in memory.${more}`,
  })
}
