import type { Finding } from "./report.ts"

/** What was found out about one promise on one kind of server, of all clients. */
interface Row {
  readonly promise: string
  readonly dialect: string
  readonly what: string
  readonly clients: Map<string, Finding>
}

const own = "Mooring"
const titles: Readonly<Record<string, string>> = { postgresql: "PostgreSQL", mariadb: "MariaDB", redis: "Redis" }

/** The findings of a run as a table in Markdown, a row for each promise, kind of server, and thing that was done. */
export function reportTable(findings: readonly Finding[]): string {
  const rows = new Map<string, Row>()
  for (const finding of findings) {
    const { promise, dialect, what, client = own } = finding
    const key = [promise, dialect, what].join("\0")
    const row = rows.get(key) ?? { promise, dialect, what, clients: new Map() }
    rows.set(key, row)
    row.clients.set(client, added(row.clients.get(client), finding))
  }
  const sorted = [...rows.values()].sort((a, b) => compare(a.promise, b.promise) || compare(a.dialect, b.dialect))
  const lines = sorted.map(lineOf)
  return ["| | Server | What was done | Lost | Drivers alone lost |", "|---|---|---|---|---|", ...lines].join("\n")
}

/** The promises that no finding is about. */
export function missingPromises(findings: readonly Finding[], promises: readonly string[]): string[] {
  const found = new Set(findings.filter(({ client }) => client === undefined).map(({ promise }) => promise))
  return promises.filter((promise) => !found.has(promise))
}

function added(before: Finding | undefined, finding: Finding): Finding {
  if (before === undefined) return finding
  const notes = new Set([before.note, finding.note].filter((note) => note !== undefined))
  const sums = { provoked: before.provoked + finding.provoked, lost: before.lost + finding.lost }
  return { ...before, ...sums, ...(notes.size > 0 && { note: [...notes].join("; ") }) }
}

function lineOf({ promise, dialect, what, clients }: Row): string {
  const mine = clients.get(own)
  const others = [...clients].filter(([name]) => name !== own)
  const done = `${number((mine ?? others[0]![1]).provoked)} ${what}`
  const alone = others.map(([name, finding]) => `${name}: ${lossOf(finding)}`).join("<br>")
  return `| ${promise} | ${titles[dialect] ?? dialect} | ${done} | ${mine ? lossOf(mine) : ""} | ${alone} |`
}

function lossOf({ lost, note, provoked }: Finding): string {
  const count = lost === 0 ? "0" : `**${number(lost)}** of ${number(provoked)}`
  return note === undefined ? count : `${count} (${note})`
}

const number = (value: number): string => value.toLocaleString("en")

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
