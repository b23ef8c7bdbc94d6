import { type TestContext, test } from "vitest"
import { type Requirement, unavailable } from "./requirements.ts"

/** `test`, with a limit in milliseconds. Default: a minute, because the first one waits for the server's start. */
export type ServerTest = (name: string, body: (context: TestContext) => Promise<void>, timeout?: number) => void

/** `test` for what needs servers. Where one is not to be had, the test is skipped, and its name says why. */
export function testWith(...needs: Requirement[]): ServerTest {
  const reason = needs.map(unavailable).find((why) => why !== undefined)
  return (name, body, timeout = 60_000) => {
    if (reason === undefined) test(name, body, timeout)
    else test.skip(`${name}: ${reason}`, () => undefined)
  }
}
