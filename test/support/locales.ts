import { execFile, execFileSync } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { findProgram } from "./daemon.ts"
import { postgresBinaries } from "./postgres-binaries.ts"

/** Why a PostgreSQL server cannot speak a language on this machine, to stand in a test's name. */
export function missingLanguage(locale: string): string | undefined {
  if (findProgram("localedef") === undefined || !existsSync(join("/usr/share/i18n/locales", locale))) {
    return `this machine cannot make the locale ${locale}`
  }
  return hasCatalog(locale) ? undefined : "the server binaries of this machine have no translations"
}

/** Whether the server has its texts in a language. The binaries that npm brings have them in English only. */
function hasCatalog(locale: string): boolean {
  const config = join(postgresBinaries() ?? "", "pg_config")
  if (!existsSync(config)) return false
  const places = execFileSync(config, ["--localedir", "--version"], { encoding: "utf8" }).trim().split("\n")
  const [folder = "", version = ""] = places
  const catalog = `postgres-${/\d+/.exec(version)?.[0]}.mo`
  return existsSync(join(folder, locale.slice(0, 2), "LC_MESSAGES", catalog))
}

/** Makes a locale in a folder of its own, for LOCPATH: the machine may have none but C. */
export async function makeLocale(locale: string, folder: string): Promise<void> {
  mkdirSync(folder)
  const target = join(folder, `${locale}.UTF-8`)
  await promisify(execFile)(findProgram("localedef")!, ["-i", locale, "-f", "UTF-8", target])
}
