import { type Command, Option } from "commander"
import { type ConnectionDescription, describeConnections } from "../../index.ts"
import { alignColumns } from "../columns.ts"
import { asCalled, commandName } from "../command-name.ts"
import { paintFor, printNote, wrap } from "../print.ts"

export function define(command: Command): void {
  command
    .description("Shows what is configured, and where. Nothing is connected to or executed; no secret is shown.")
    .addOption(new Option("-f, --format <format>", "table or json").choices(["table", "json"]).default("table"))
    .action(list)
    .addHelpText(
      "after",
      asCalled(`
Examples:
  mooring list
  mooring list --format json | jq '.[] | select(.problem)'`),
    )
}

async function list({ format }: { format: "table" | "json" }): Promise<void> {
  const connections = await describeConnections()
  if (format === "json") process.stdout.write(`${JSON.stringify(connections, undefined, 2)}\n`)
  else if (connections.length === 0)
    printNote(`Nothing is configured here. ${commandName()} init writes the first connection.`)
  else process.stdout.write(asTable(connections))
}

function asTable(connections: readonly ConnectionDescription[]): string {
  const paint = paintFor(process.stdout)
  const rows = connections.map((one) => [one.name, typeOf(one), one.location ?? "", one.source])
  const [head, ...lines] = alignColumns([["NAME", "TYPE", "WHERE", "CONFIGURED IN"], ...rows])
  const shown = lines.flatMap((line, index) => {
    const { problem } = connections[index]!
    return problem === undefined ? [line] : [line, `  ${paint.yellow("!")} ${wrap(problem, "    ", process.stdout)}`]
  })
  return `${[paint.dim(head!), ...shown].join("\n")}\n`
}

function typeOf({ type, dialect }: ConnectionDescription): string {
  return dialect === undefined ? (type ?? "?") : `${type} (${dialect})`
}
