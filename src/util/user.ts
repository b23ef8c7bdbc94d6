import { homedir, userInfo } from "node:os"

/**
 * The user's home folder; undefined for a user without one: a container's, with neither `HOME` nor an entry in the
 * system's list of users.
 */
export function homeFolder(): string | undefined {
  return readable(() => homedir() || undefined)
}

/** The user's name, as the system knows it; undefined for a user without an entry. */
export function userName(): string | undefined {
  return readable(() => userInfo().username)
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
