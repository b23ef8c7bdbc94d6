const runners: Readonly<Record<string, string>> = {
  npm: "npx mooring",
  pnpm: "pnpm exec mooring",
  yarn: "yarn mooring",
  bun: "bunx mooring",
}

/** How this command is called here: through the package manager that started it, or by its own name. */
export function commandName(env: NodeJS.ProcessEnv = process.env): string {
  const [, agent = ""] = /^(\w+)\//.exec(env.npm_config_user_agent ?? "") ?? []
  return runners[agent] ?? "mooring"
}
