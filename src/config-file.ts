import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { configure } from "./configure.ts"
import type { Configuration } from "./core/index.ts"
import { isMooringError, MooringError } from "./errors.ts"
import { executionRefusal } from "./secrets/index.ts"
import { fs } from "./util/node.ts"

const fileNames = ["mooring.config.ts", "mooring.config.mts", "mooring.config.js", "mooring.config.mjs"]

/**
 * Loads `mooring.config.ts` (or `.mts`, `.js`, `.mjs`) of a project, if it has one. The file calls `configure()` itself, or
 * its default export is what `configure()` takes. The `mooring` command does this; programs configure themselves.
 *
 * @param project the folder.
 * @returns the file that was loaded.
 * @throws MooringError `BAD_CONFIG` if it cannot be loaded; `SECRETS` if somebody else could have written it.
 */
export async function loadConfigFile(project: string): Promise<string | undefined> {
  for (const name of fileNames) {
    const path = join(project, name)
    const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false })
    if (!stat?.isFile()) continue
    const refusal = executionRefusal(stat, name)
    if (refusal !== undefined) throw refused(name, refusal)
    const settings = await importSettings(name, path)
    if (settings !== undefined) configure(settings)
    return path
  }
  return undefined
}

async function importSettings(name: string, path: string): Promise<Configuration | undefined> {
  let settings: unknown
  try {
    settings = ((await import(/* @vite-ignore */ /* webpackIgnore: true */ pathToFileURL(path).href)) as Module).default
  } catch (cause) {
    throw isMooringError(cause) ? cause : notLoaded(name, cause)
  }
  if (settings === undefined || (typeof settings === "object" && settings !== null)) return settings as Configuration
  throw new MooringError("BAD_CONFIG", `The default export of ${name} is not an object.`, {
    hint: "Export what configure() takes, or call configure() in the file and export nothing.",
  })
}

interface Module {
  readonly default?: unknown
}

function notLoaded(name: string, cause: unknown): MooringError {
  const { code, message } = (cause ?? {}) as { code?: unknown; message?: unknown }
  if (code === "ERR_UNKNOWN_FILE_EXTENSION" || code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    return new MooringError("BAD_CONFIG", `${name} cannot be read by Node ${process.versions.node}.`, {
      hint:
        code === "ERR_UNKNOWN_FILE_EXTENSION"
          ? "Node 22.18 and later read TypeScript; for older ones write mooring.config.mjs."
          : "Node takes types away and does nothing more: enums, namespaces and parameter properties do not work.",
      cause,
    })
  }
  return new MooringError("BAD_CONFIG", `${name} failed while it was loaded: ${String(message ?? cause)}`, { cause })
}

function refused(name: string, refusal: string): MooringError {
  return new MooringError("SECRETS", `${name} is not executed: ${refusal}.`, {
    hint: "Make the file your own and writable by nobody else, as with chmod 600.",
  })
}
