import { dirname, join } from "node:path"
import { fs } from "./node.ts"

/** The program that installs a project's packages. */
export type PackageManager = "npm" | "pnpm" | "yarn" | "bun" | "deno"

const lockfiles: readonly (readonly [file: string, manager: PackageManager])[] = [
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["bun.lock", "bun"],
  ["bun.lockb", "bun"],
  ["package-lock.json", "npm"],
  ["npm-shrinkwrap.json", "npm"],
  ["deno.lock", "deno"],
]

/**
 * The package manager of a project: by the lockfile in its folder or the nearest one above, else by the one that runs
 * this process (`npm_config_user_agent`), else npm.
 */
export function packageManager(projectDir: string, env: NodeJS.ProcessEnv = process.env): PackageManager {
  for (let dir = projectDir; ; dir = dirname(dir)) {
    const found = lockfiles.find(([file]) => fs.existsSync(join(dir, file)))
    if (found) return found[1]
    if (dir === dirname(dir)) break
  }
  // pnpm may give its name alone.
  const agent = /^(npm|pnpm|yarn|bun|deno)(?:\/|$)/.exec(env.npm_config_user_agent ?? "")
  return (agent?.[1] as PackageManager | undefined) ?? "npm"
}

/**
 * The command that adds a package to a project.
 *
 * @example installCommand("npm", "pg@^8") // "npm install pg@^8"
 */
export function installCommand(manager: PackageManager, spec: string): string {
  // A shell would read the > and | of a range.
  const word = /^[\w@/.^~+-]+$/.test(spec) ? spec : `"${spec}"`
  switch (manager) {
    case "npm":
      return `npm install ${word}`
    case "deno":
      return `deno add ${word.startsWith('"') ? `"npm:${word.slice(1)}` : `npm:${word}`}`
    default:
      return `${manager} add ${word}`
  }
}
