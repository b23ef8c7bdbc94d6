/** Protocols that are told apart by their first bytes. */
export type Protocol = "PostgreSQL" | "MySQL" | "HTTP" | "SSH" | "Redis" | "TLS" | "mail"

const servers: Readonly<Record<Protocol, string>> = {
  PostgreSQL: "A PostgreSQL server",
  MySQL: "A MySQL or MariaDB server",
  HTTP: "An HTTP server",
  SSH: "An SSH server",
  Redis: "A Redis server",
  TLS: "A server that expects TLS from the first byte",
  mail: "A mail or FTP server",
}

/** What a server may begin with. */
const texts: readonly (readonly [RegExp, Protocol])[] = [
  [/^(HTTP\/\d|<(!doctype|html))/i, "HTTP"],
  [/^SSH-\d/, "SSH"],
  [/^(-(ERR|NOAUTH|DENIED|LOADING)\b|\+PONG)/, "Redis"],
  [/^(220[ -]|\+OK|\* OK)/, "mail"],
]

/** More is not needed to know a protocol. */
export const headBytes = 16

/** The protocol that begins with these bytes of a server's; undefined for none that is known. */
export function protocolOf(head: Uint8Array): Protocol | undefined {
  const text = Buffer.from(head.subarray(0, headBytes)).toString("latin1")
  for (const [pattern, protocol] of texts) if (pattern.test(text)) return protocol
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = head
  // A record of TLS: an alert or a handshake, of version 3.x.
  if ((first === 0x15 || first === 0x16) && second === 3 && third < 5) return "TLS"
  // The answer to a request for TLS, or an error of a sane length.
  if (/^([SN]|E\0\0..[A-Z].*)$/s.test(text)) return "PostgreSQL"
  // The first packet: a greeting of version 10 with the server's version, or an error.
  if (third === 0 && fourth === 0 && (fifth === 0xff || (fifth === 10 && /\d/.test(text[5] ?? "")))) return "MySQL"
  return undefined
}

/** A sentence about what answers at a port; undefined where it is the expected protocol, or an unknown one. */
export function sayOtherProtocol(head: Uint8Array, expected: Protocol, place: string): string | undefined {
  const found = protocolOf(head)
  if (found === undefined || found === expected) return undefined
  return `${servers[found]} answers at ${place}, not ${expected}.`
}
