import { delimiter, isAbsolute, join, relative, resolve, sep } from "node:path"

/** The folders that paths in settings and in messages are told from. */
export interface Folders {
  readonly projectDir: string
  /** Undefined for a user without one, as in some containers. */
  readonly homeDir: string | undefined
}

/** A path for people: `.mooring/secrets.toml` in the project, `~/.mooring/secrets.toml` at home, else in full. */
export function displayOrigin(path: string, { projectDir, homeDir }: Folders): string {
  const inProject = below(projectDir, path)
  const atHome = homeDir === undefined ? undefined : below(homeDir, path)
  // One of the two folders is often in the other.
  if (inProject !== undefined && (atHome === undefined || inProject.length <= atHome.length)) return inProject
  return atHome === undefined ? path : `~${sep}${atHome}`
}

function below(folder: string, path: string): string | undefined {
  const way = relative(folder, path)
  return way === "" || way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way) ? undefined : way
}

/** An absolute path: `~/` is the home folder, anything else that is not absolute starts from `base`. */
export function absolutePath(path: string, base: string, homeDir: string | undefined): string {
  return homeDir !== undefined && path.startsWith("~/") ? join(homeDir, path.slice(2)) : resolve(base, path)
}

/** A TOML header: `[connections.pets]`, quoted where a bare key would not do. */
export function header(...keys: readonly string[]): string {
  return `[${keys.map((key) => (/^[\w-]+$/.test(key) ? key : JSON.stringify(key))).join(".")}]`
}

/** A file or folder that secrets may be in. */
export interface SecretsPath {
  readonly path: string
  /** Somebody asked for it, by `MOORING_SECRETS` or in code. */
  readonly named: boolean
  /** It is in the home folder, and not in the project's. */
  readonly atHome?: boolean
}

/**
 * Every file and folder that secrets may be in, weakest first.
 *
 * @param listed `MOORING_SECRETS`: paths with the system's separator (`:`, on Windows `;`) between them.
 */
export function secretsPaths(
  { projectDir, homeDir }: Folders,
  listed: string | undefined,
  files: readonly string[],
): readonly SecretsPath[] {
  const usual = [homeDir, projectDir].flatMap((folder) =>
    folder === undefined ? [] : [join(folder, ".streamlit", "secrets.toml"), join(folder, ".mooring", "secrets.toml")],
  )
  const asked = [...(listed ?? "").split(delimiter).filter((path) => path !== ""), ...files]
  const all = [
    ...usual.map((path) => ({ path, named: false, atHome: below(projectDir, path) === undefined })),
    ...asked.map((path) => ({ path: absolutePath(path, projectDir, homeDir), named: true })),
  ]
  // A file that is named twice counts where it is strongest.
  return all.filter(({ path }, index) => all.findLastIndex((other) => other.path === path) === index)
}
