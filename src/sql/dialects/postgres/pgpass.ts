import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { homeFolder } from "../../../util/user.ts"
import { warnOnce } from "../../../util/warn.ts"
import type { Address } from "./address.ts"

/**
 * The password that libpq's file of passwords has for an address: the first line that fits. A file that others can read
 * is left alone, as libpq does.
 *
 * @see https://www.postgresql.org/docs/current/libpq-pgpass.html
 */
export function passwordFromFile({ host, port, database, user }: Address): string | undefined {
  const home = homeFolder()
  const path = process.env.PGPASSFILE || (home && join(home, ".pgpass"))
  if (!path) return undefined
  let text: string
  try {
    if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
      warnOnce(
        `pgpass ${path}`,
        `${path} is ignored, as libpq does, because others can access it: chmod 600 "${path}".`,
      )
      return undefined
    }
    text = readFileSync(path, "utf8")
  } catch {
    return undefined
  }
  // The folder of a socket stands there as localhost, too.
  const hosts = host.startsWith("/") ? [host, "localhost"] : [host]
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue
    const fields = line.match(/(?:\\.|[^:\\])*(?::|$)/g)?.map((part) => part.replace(/:$/, "").replace(/\\(.)/g, "$1"))
    if (fields === undefined || fields.length < 5) continue
    const [itsHost, itsPort, itsDatabase, itsUser, password] = fields as [string, string, string, string, string]
    const fits = (pattern: string, value: string) => pattern === "*" || pattern === value
    const hostFits = itsHost === "*" || hosts.includes(itsHost)
    if (hostFits && fits(itsPort, String(port)) && fits(itsDatabase, database) && fits(itsUser, user)) return password
  }
  return undefined
}
