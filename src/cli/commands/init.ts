import { existsSync } from "node:fs"
import { resolve } from "node:path"
import { text } from "node:stream/consumers"
import { type Command, InvalidArgumentError } from "commander"
import { configure, describeConnections, dialects } from "../../index.ts"
import { asCalled, commandName } from "../command-name.ts"
import { CommandError, UsageError } from "../errors.ts"
import { ignoreSecrets } from "../init/gitignore.ts"
import { nameProblem } from "../init/name.ts"
import { openSecretsFile, type Section, secretsFileName } from "../init/secrets-file.ts"
import { paintFor } from "../print.ts"
import { pathFromCaller, projectFolder } from "../project.ts"
import { printDiagnosis } from "../steps.ts"

interface Options {
  readonly name?: string
  readonly url?: string
  readonly yes?: boolean
  readonly force?: boolean
  readonly test: boolean
}

export function define(command: Command): void {
  command
    .description(
      `Asks for a connection, tests it, writes it into ${secretsFileName} (readable only by you), and keeps that out of git.`,
    )
    .optionsGroup("Without questions:")
    .option("--name <name>", "the connection's name", checkName)
    .option(
      "--url <url>",
      "its URL, as sqlite:///pets.db; - reads it from stdin, so that no password is in the history",
    )
    .option("-y, --yes", "ask nothing")
    .option("--force", "replace a section of this name")
    .option("--no-test", "do not connect; write it as it is")
    .action(init)
    .addHelpText(
      "after",
      asCalled(`
Examples:
  mooring init
  mooring init --name pets --url duckdb:///pets.duckdb
  mooring init --yes --name pets --url 'postgresql://ada:\${PGPASSWORD}@localhost/pets'
  pass show pets-url | mooring init --name pets --url -

In the file, \${VARIABLE} is taken from the environment when the connection is made.`),
    )
}

async function init(options: Options): Promise<void> {
  const asks = !options.yes && process.stdin.isTTY === true && process.stdout.isTTY === true
  if (!asks && (options.name === undefined || options.url === undefined)) {
    throw new UsageError(
      options.yes ? "--yes needs --name and --url." : "There is no terminal to ask on.",
      `${commandName()} init --name pets --url duckdb:///pets.duckdb`,
    )
  }
  const url = options.url === "-" ? (await text(process.stdin)).trim() : options.url
  if (url !== undefined) checkUrl(url)
  const file = openSecretsFile(projectFolder())
  // Loaded only where somebody can answer.
  const ask = asks ? await import("../init/ask.ts") : undefined
  const name = options.name ?? (await ask!.askName())
  if (file.has(name) && !options.force && !(await ask?.askOverwrite(name))) throw alreadyThere(name, asks)
  let section: Section = url === undefined ? await ask!.askSection(name) : { url }
  while (options.test && !(await works(name, section))) {
    const next = ask ? await ask.askNext() : "stop"
    if (next === "write") break
    if (next === "stop")
      throw new CommandError("Nothing was written.", "Correct the answers; --no-test writes them as they are.")
    section = await ask!.askSection(name, section)
  }
  file.write(name, section)
  say(`[connections.${name}] written to ${pathFromCaller(file.path)}`)
  if (ignoreSecrets(projectFolder())) say(".mooring/ added to .gitignore")
  if (options.test) process.stdout.write(`\n${await nextStep(name)}\n`)
}

/** Tests a section that stands in no file yet, as if it did. */
async function works(name: string, section: Section): Promise<boolean> {
  const undo = configure({ secrets: { connections: { [name]: section } } })
  try {
    return await printDiagnosis(name, "your answers")
  } finally {
    undo()
    process.stdout.write("\n")
  }
}

async function nextStep(name: string): Promise<string> {
  const { dialect, location } = (await describeConnections()).find((one) => one.name === name) ?? {}
  const spoken = dialects.find((one) => one.name === dialect)
  if (
    spoken &&
    location &&
    spoken.capabilities?.embedded &&
    !existsSync(resolve(projectFolder(), location)) &&
    location !== ":memory:"
  ) {
    return `${location} does not exist yet; the first execute() or session creates it.`
  }
  return `Now: ${commandName()} query ${name} "select 1"`
}

function checkName(name: string): string {
  const problem = nameProblem(name)
  if (problem !== undefined) throw new InvalidArgumentError(problem)
  return name
}

/** A mistyped dialect is reported before anything is written. The URL itself is not repeated: it may hold a password. */
function checkUrl(url: string): void {
  const dialect = /^(\w+)(?:\+\w+)?:\/\//.exec(url)?.[1]?.toLowerCase()
  const names = dialects.flatMap(({ name, aliases }) => [name, ...aliases])
  if (dialect !== undefined && names.includes(dialect)) return
  throw new UsageError(
    dialect === undefined ? "What was given as --url is no database URL." : `There is no dialect ${dialect}.`,
    `It is dialect://user:password@host/database, or dialect:///file; dialects are ${names.join(", ")}.`,
  )
}

function alreadyThere(name: string, asked: boolean): UsageError {
  const sentence = `[connections.${name}] is in ${secretsFileName} already.`
  return asked ? new UsageError(sentence, "Nothing was changed.") : new UsageError(sentence, "--force replaces it.")
}

function say(sentence: string): void {
  process.stdout.write(`${paintFor(process.stdout).green("✔")} ${sentence}\n`)
}
