import { MooringError } from "../errors.ts"
import { installCommand, packageManager } from "../util/package-manager.ts"
import type { DriverPackage } from "./dialect.ts"

/**
 * The one door through which drivers come, so that a missing one is the same clear error everywhere.
 *
 * @param load holds the literal `import()`, so that bundlers see it.
 * @throws MooringError `DRIVER_MISSING`, naming package, range and the command that installs it, if this very package
 * is not there. What the package itself fails with passes through.
 * @example const { default: pg } = await importDriver(driver, () => import("pg"))
 */
export async function importDriver<T>(
  driver: DriverPackage,
  load: () => Promise<T>,
  projectDir: string = process.cwd(),
): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if (!isMissing(error, driver.package)) throw error
    const command = installCommand(packageManager(projectDir), `${driver.package}@${driver.range}`)
    throw new MooringError(
      "DRIVER_MISSING",
      `The package ${driver.package} (${driver.range}), which talks to this database, is not installed.`,
      { hint: `Install it: ${command}`, cause: error },
    )
  }
}

/** True if `name` itself was not found, and not something that it imports. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return false
  // Node: Cannot find package 'pg' imported from …; CommonJS: Cannot find module 'pg'; Bun: Cannot find package "pg".
  const found = /Cannot find (?:package|module) ['"]([^'"]+)['"]/.exec(String(message))?.[1]
  return found === name || found?.startsWith(`${name}/`) === true
}
