import type { Command } from "commander"
import { describeConnections } from "../../index.ts"
import { asCalled, commandName } from "../command-name.ts"
import { CommandError, exitCodes } from "../errors.ts"
import { paintFor } from "../print.ts"
import { projectFolder } from "../project.ts"
import { printDiagnosis } from "../steps.ts"

export function define(command: Command): void {
  command
    .description(
      "Looks at everything that a connection needs, step by step, and says what to do at the first that fails: " +
        "secrets, section, type, driver, connect, ping, version.",
    )
    .argument("[name]", "the connection; without it, all that are configured")
    .action(test)
    .addHelpText(
      "after",
      asCalled(`
Examples:
  mooring test pets
  mooring test && npm run deploy      fails (exit code 1) if any connection does`),
    )
}

async function test(name: string | undefined): Promise<void> {
  const names = name === undefined ? (await describeConnections()).map((one) => one.name) : [name]
  if (names.length === 0) {
    const hint = `${commandName()} init writes the first connection. --project FOLDER looks in another folder.`
    throw new CommandError(`No connection is configured in ${projectFolder()}.`, hint)
  }
  const failed: string[] = []
  for (const [index, one] of names.entries()) {
    if (index > 0) process.stdout.write("\n")
    if (!(await printDiagnosis(one))) failed.push(one)
  }
  if (names.length > 1) process.stdout.write(summary(names.length, failed))
  if (failed.length > 0) process.exitCode = exitCodes.failed
}

function summary(count: number, failed: readonly string[]): string {
  const paint = paintFor(process.stdout)
  if (failed.length === 0) return `\n${paint.green("✔")} All ${count} connections work.\n`
  return `\n${paint.red("✖")} ${failed.length} of ${count} do not work: ${failed.join(", ")}.\n`
}
