const runners: Readonly<Record<string, string>> = {
  npm: "npx mooring",
  pnpm: "pnpm exec mooring",
  yarn: "yarn mooring",
  bun: "bunx mooring",
  deno: "deno run -A npm:mooring",
}

/** How this command is called here: through the package manager that started it, or by its own name. */
export function commandName(env: NodeJS.ProcessEnv = process.env): string {
  // pnpm may give its name alone.
  const [, agent = ""] = /^(\w+)(?:\/|$)/.exec(env.npm_config_user_agent ?? "") ?? []
  return runners[agent] ?? "mooring"
}

/** The examples of a command's help, in which `mooring` begins a line or follows a pipe, as they are called here. */
export function asCalled(examples: string, env: NodeJS.ProcessEnv = process.env): string {
  return examples.replace(/^( {2}|.*\| )mooring(?= )/gm, (_, before: string) => before + commandName(env))
}
