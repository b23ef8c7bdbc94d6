import tab from "@bomb.sh/tab/commander"
import type { Command } from "commander"
import { bashCompletion } from "./bash-completion.ts"
import { configureProject } from "./project.ts"

/**
 * Adds `completion <shell>`, which prints a shell's script, and the hidden `complete -- …`, which that script calls at each
 * Tab. All other commands must be there already.
 *
 * @param summary what help says of `completion`.
 */
export async function addCompletion(program: Command, args: readonly string[], summary: string): Promise<void> {
  const completion = tab(program, { completionCommandName: "completion" })
  program.commands
    .find((command) => command.name() === "completion")
    ?.description(summary)
    .addHelpText("after", help)
    .action((shell: string) => {
      if (shell === "bash") process.stdout.write(bashCompletion)
      else completion.setup(program.name(), program.name(), shell)
    })
  for (const command of program.commands) {
    const completed = completion.commands.get(command.name())
    if (completed) completed.description = command.summary() || command.description()
  }
  if (!args.includes("complete")) return
  const names = await connectionNames(args)
  for (const command of ["query", "test", "cache clear"]) {
    const argument = completion.commands.get(command)?.arguments.get("name")
    if (argument) argument.handler = (complete) => names.forEach(({ name, type }) => void complete(name, type))
  }
}

const help = `
Examples:
  source <(mooring completion bash)                                in ~/.bashrc
  source <(mooring completion zsh)                                 in ~/.zshrc
  mooring completion fish > ~/.config/fish/completions/mooring.fish
  mooring completion powershell | Out-String | Invoke-Expression   in $PROFILE

Commands, options, formats and the names of your connections are completed.`

/** Never fails and runs nothing of the project: a Tab is no command. */
async function connectionNames(args: readonly string[]): Promise<{ name: string; type: string }[]> {
  try {
    const { describeConnections } = await configureProject(projectOption(args))
    return (await describeConnections()).map(({ name, type, dialect }) => ({ name, type: dialect ?? type ?? "" }))
  } catch {
    return []
  }
}

function projectOption(args: readonly string[]): string | undefined {
  const at = args.indexOf("--project")
  return at === -1 ? args.find((one) => one.startsWith("--project="))?.slice("--project=".length) : args[at + 1]
}
