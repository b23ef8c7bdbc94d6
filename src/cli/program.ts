import { readFileSync } from "node:fs"
import nodeModule from "node:module"
import { Command } from "commander"
import { asCalled } from "./command-name.ts"
import { paintFor, wrap } from "./print.ts"
import { openProject } from "./project.ts"

/** One subcommand: what the menu says of it, and where it is. */
interface Entry {
  readonly summary: string
  readonly load: () => Promise<{ define(command: Command): void }>
}

const menu: Readonly<Record<string, Entry>> = {
  query: { summary: "read rows, as a table or in six other formats", load: () => import("./commands/query.ts") },
  list: { summary: "show what is configured, and where", load: () => import("./commands/list.ts") },
  test: { summary: "find out why a connection does not work", load: () => import("./commands/test.ts") },
  cache: { summary: "show or clear what is kept of results", load: () => import("./commands/cache.ts") },
  init: { summary: "write a connection into .mooring/secrets.toml", load: () => import("./commands/init.ts") },
}

/** The command line of `mooring`. Only the commands that `args` names are loaded. */
export async function makeProgram(args: readonly string[]): Promise<Command> {
  const program = new Command("mooring")
    .description("Named data connections: look at them, test them, query them.")
    .usage("<command> [options]")
    .version(ownVersion(), "-V, --version", "show the version")
    .helpOption("-h, --help", "show help, also of each command")
    .helpCommand("help [command]", "show help of a command")
    .optionsGroup("Everywhere:")
    .option("--project <dir>", "the project's folder; else the nearest one above with .mooring or .streamlit")
    .option("--debug", "show where errors come from")
    .exitOverride()
    .configureHelp({ ...helpStyle(), showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({ outputError: printUsageError })
    .hook("preAction", async (_, action) => {
      if (!action.name().startsWith("complet")) await openProject(action.optsWithGlobals().project)
    })
    .addHelpText("after", asCalled(topHelp))
  const completes = args.includes("complete") || args.includes("completion")
  for (const [name, { summary, load }] of Object.entries(menu)) {
    const command = program.command(name).summary(summary).description(summary)
    if (completes || args.includes(name)) (await load()).define(command)
  }
  if (completes) await (await import("./completion.ts")).addCompletion(program, args, completionSummary)
  else program.command("completion").summary(completionSummary).description(completionSummary).argument("<shell>")
  return program
}

const completionSummary = "make the Tab key work, in bash, zsh, fish or powershell"

const topHelp = `
Examples:
  mooring init                                     write your first connection
  mooring list                                     what is configured
  mooring test pets                                why does it not connect?
  mooring query pets "select * from owners"        rows as a table
  mooring query pets @report.sql --out report.csv  rows as a file

NO_COLOR turns colours off. Exit codes: 0 done, 1 failed, 2 not understood, 130 cancelled.`

function ownVersion(): string {
  const file = nodeModule.findPackageJSON("..", import.meta.url)!
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version
}

function helpStyle(): Record<string, (text: string) => string> {
  const paint = paintFor(process.stdout)
  return { styleTitle: paint.bold, styleSubcommandText: paint.cyan, styleOptionText: paint.cyan }
}

/** Commander's own sentences begin with `error:`. */
function printUsageError(text: string): void {
  const paint = paintFor(process.stderr)
  const sentence = text.replace(/^error: /, "").trimEnd()
  const said = sentence.charAt(0).toUpperCase() + sentence.slice(1)
  process.stderr.write(`${paint.red("✖")} ${wrap(said, "  ")}\n`)
}
