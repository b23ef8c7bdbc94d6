import { type Command, Option } from "commander"
import { type CacheDescription, clearCaches, describeCaches } from "../../index.ts"
import { alignColumns } from "../columns.ts"
import { asCalled } from "../command-name.ts"
import { exitCodes } from "../errors.ts"
import { paintFor, printNote, wrap } from "../print.ts"

export function define(command: Command): void {
  command
    .description(
      "Shows or clears the results that are kept outside of programs' memory: on disk, and in Redis or Valkey.",
    )
    .addHelpText(
      "after",
      asCalled(`
Examples:
  mooring cache stats
  mooring cache clear redis     the results of all connections there
  mooring cache clear pets      the results of one connection, wherever they are`),
    )
  command
    .command("stats")
    .summary("show which caches there are, and what they hold")
    .description("Shows which caches this project has outside of memory, and what they hold.")
    .addOption(new Option("-f, --format <format>", "table or json").choices(["table", "json"]).default("table"))
    .action(stats)
  command
    .command("clear")
    .summary("forget results, in all programs that share them")
    .description("Forgets results, in all programs that share them. Nothing but time is lost.")
    .argument("[name]", "a cache, such as disk or redis, or a connection; without it, all caches")
    .action(clear)
}

async function stats({ format }: { format: "table" | "json" }): Promise<void> {
  const caches = await describeCaches()
  process.stdout.write(format === "json" ? `${JSON.stringify(caches, undefined, 2)}\n` : asTable(caches))
  if (caches.some(({ problem }) => problem !== undefined)) process.exitCode = exitCodes.failed
}

async function clear(name: string | undefined): Promise<void> {
  const paint = paintFor(process.stdout)
  const cleared = await clearCaches(name)
  if (cleared.length === 0) return printNote("Nothing is kept outside of memory.")
  for (const cache of cleared) {
    const what = name === undefined || name === cache ? cache : `${cache}: results of ${name}`
    process.stdout.write(`${paint.green("✔")} ${what} cleared\n`)
  }
}

function asTable(caches: readonly CacheDescription[]): string {
  const paint = paintFor(process.stdout)
  const rows = caches.map(({ name, entries, bytes, location = "" }) => [
    name,
    entries === undefined ? "?" : String(entries),
    bytes === undefined ? "?" : readableBytes(bytes),
    location,
  ])
  const [head, ...lines] = alignColumns([["CACHE", "RESULTS", "SIZE", "WHERE"], ...rows])
  const shown = lines.flatMap((line, index) => {
    const { problem } = caches[index]!
    return problem === undefined ? [line] : [line, `  ${paint.yellow("!")} ${wrap(problem, "    ", process.stdout)}`]
  })
  return `${[paint.dim(head!), ...shown].join("\n")}\n`
}

const units = ["B", "kB", "MB", "GB", "TB"]

function readableBytes(bytes: number): string {
  let unit = 0
  let size = bytes
  for (; size >= 1000 && unit < units.length - 1; unit++) size /= 1000
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`
}
