import { MooringError } from "../errors.ts"
import { userName } from "../util/user.ts"

/** The user of this process, as database clients take it where no username is configured. */
export function systemUser(database: string): string {
  const name = userName()
  if (name !== undefined) return name
  throw new MooringError("BAD_CONFIG", `No username for ${database} is configured, and the system has none either.`, {
    hint: "Give username, or a url that has it.",
  })
}
