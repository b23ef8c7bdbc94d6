import { MooringError } from "../../../../errors.ts"
import { ProtocolError } from "../columns/reader.ts"
import { Fields } from "./fields.ts"

/** No packet before the login is longer. */
export const longestLoginPacket = 65_536

/** All that a server may send before the login has ended. */
export const mostLoginBytes = 1_048_576

/** First bytes of the packets that may follow the greeting. */
const ok = 0
const moreData = 1
const nextFactor = 2
const switchTo = 0xfe

/** A bit of the greeting's. */
const hasPlugins = 0x8_0000

/** What `mysql2` can log in by. */
const plugins: readonly string[] = [
  "caching_sha2_password",
  "mysql_clear_password",
  "mysql_native_password",
  "sha256_password",
]

/** MariaDB's own. */
const ofMariaDB: readonly string[] = ["client_ed25519", "parsec"]

/** The server's first packet. */
export function checkGreeting(bytes: Buffer, start: number, end: number): void {
  const fields = new Fields(bytes, start, end)
  const version = fields.byte()
  if (version !== 10) throw new ProtocolError(`a greeting of the unknown version ${version}`)
  if (fields.text().length > 1000) throw new ProtocolError("a version of more than a thousand characters")
  // Its thread and the first half of what a password is mixed with.
  fields.skip(13)
  const low = fields.int16()
  if (fields.left === 0) return
  fields.skip(3)
  const flags = low + fields.int16() * 65_536
  const size = fields.byte()
  fields.skip(10)
  fields.skip(Math.max(12, Math.min(13, fields.left), size - 8))
  if ((flags & hasPlugins) !== 0 && fields.left > 0) fields.text()
}

/**
 * An answer during the login.
 *
 * @param others plugins that the caller has configured.
 */
export function checkLogin(bytes: Buffer, start: number, end: number, others: object): void {
  const fields = new Fields(bytes, start, end)
  const first = fields.byte()
  if (first === ok || first === moreData) return
  if (first !== switchTo && first !== nextFactor) throw new ProtocolError(`an unknown answer to the login (${first})`)
  // Alone, it asks for what passwords were before MySQL 4.1.
  const plugin = fields.left === 0 ? "mysql_old_password" : fields.text()
  if (plugins.includes(plugin) || Object.hasOwn(others, plugin)) return
  throw new MooringError("CONNECT", `The server wants a login by ${plugin.slice(0, 64)}, which is not supported.`, {
    hint: ofMariaDB.includes(plugin)
      ? `At the server: alter user … identified via ${plugins[2]} using password('…').`
      : `Give this user another plugin at the server: ${plugins[2]} or ${plugins[0]}.`,
  })
}
