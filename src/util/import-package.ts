import nodeModule from "node:module"
import { MooringError } from "../errors.ts"
import { fs } from "./node.ts"
import { installCommand, packageManager } from "./package-manager.ts"
import { inRange } from "./version-range.ts"
import { warnOnce } from "./warn.ts"

/** A package that Mooring does not install: a driver, or what some feature needs. */
export interface OptionalPackage {
  readonly package: string
  /** The versions that Mooring is made for, as in package.json's peerDependencies. */
  readonly range: string
  /**
   * What package managers are told instead, where their rules cannot say the range: they take no version with a
   * pre-release tag into a range.
   */
  readonly npmRange?: string
  /** What the command that installs it asks for. Default: that range. */
  readonly install?: string
  /** What it does, for the error when it is missing. Default: `talks to this database`. */
  readonly purpose?: string
}

/**
 * The one door through which drivers and other optional packages come, so that a missing one is the same clear error
 * everywhere.
 *
 * A version beyond the range that Mooring was made for is a warning, once: it may work.
 *
 * @param load holds the literal `import()`, so that bundlers see it.
 * @param projectDir says whose package manager the error names.
 * @throws MooringError `DRIVER_MISSING`, naming package, range and the command that installs it, if this very package
 * is not there. What the package itself fails with passes through.
 * @example const { default: pg } = await importPackage(driver, () => import("pg"))
 */
export async function importPackage<T>(
  driver: OptionalPackage,
  load: () => Promise<T>,
  projectDir: string = process.cwd(),
): Promise<T> {
  let loaded: T
  try {
    loaded = await load()
  } catch (error) {
    throw isMissing(error, driver.package) ? packageMissing(driver, projectDir, error) : error
  }
  const version = installedVersion(driver.package)
  if (version !== undefined && inRange(version, driver.range) === false) {
    warnOnce(
      `driver ${driver.package}`,
      `${driver.package} ${version} is installed; Mooring is made for ${driver.range}. To change it: ${install(driver, projectDir)}`,
    )
  }
  return loaded
}

/** The error for a package that is not there. */
export function packageMissing(driver: OptionalPackage, projectDir: string, cause?: unknown): MooringError {
  const { purpose = "talks to this database" } = driver
  return new MooringError(
    "DRIVER_MISSING",
    `The package ${driver.package} (${driver.range}), which ${purpose}, is not installed.`,
    { hint: `Install it: ${install(driver, projectDir)}`, cause },
  )
}

function install(driver: OptionalPackage, projectDir: string): string {
  const { install: wanted = driver.npmRange ?? driver.range } = driver
  return installCommand(packageManager(projectDir), `${driver.package}@${wanted}`)
}

/** True if `name` itself was not found, and not something that it imports. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return false
  // Node: Cannot find package 'pg' imported from …; CommonJS: Cannot find module 'pg'; Bun: Cannot find package "pg".
  const found = /Cannot find (?:package|module) ['"]([^'"]+)['"]/.exec(String(message))?.[1]
  return found === name || found?.startsWith(`${name}/`) === true
}

/**
 * The version of an installed package. Undefined where it is not installed, where there are no packages to look at, as in
 * a bundle, and where the runtime cannot find them.
 */
export function installedVersion(name: string): string | undefined {
  try {
    const file = nodeModule.findPackageJSON(name, import.meta.url)
    if (file === undefined) return undefined
    const { version } = JSON.parse(fs.readFileSync(file, "utf8")) as { version?: unknown }
    return typeof version === "string" ? version : undefined
  } catch {
    return undefined
  }
}
