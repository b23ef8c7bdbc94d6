/** Flags of Node's permission model, by what an error says was asked for. */
const flags: Readonly<Record<string, string>> = {
  FileSystemRead: "--allow-fs-read",
  FileSystemWrite: "--allow-fs-write",
  ChildProcess: "--allow-child-process",
  WorkerThreads: "--allow-worker",
  Net: "--allow-net",
  Addon: "--allow-addons",
}

/** Which flag allows what `node --permission` refused; undefined for any other error. */
export function permissionHint(error: unknown): string | undefined {
  const { code, permission, resource } = (error ?? {}) as Record<string, unknown>
  if (code === "ERR_DLOPEN_DISABLED") return hint("--allow-addons")
  if (code !== "ERR_ACCESS_DENIED") return undefined
  const flag = typeof permission === "string" ? flags[permission] : undefined
  if (flag === undefined) return "Node's permission model refuses it: see the flags of node --permission."
  return hint(flag.includes("-fs-") && typeof resource === "string" && resource ? `${flag}=${resource}` : flag)
}

function hint(flag: string): string {
  return `Node's permission model refuses it: start node with ${flag}.`
}
