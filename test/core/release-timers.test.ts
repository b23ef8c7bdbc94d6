import { expect, test } from "vitest"
import { BaseConnection } from "../../src/index.ts"
import { useProject } from "../support/project.ts"
import { pause } from "../support/waiting.ts"

class Slow extends BaseConnection<object> {
  protected _connect(): object {
    return {}
  }

  protected override async _disconnect(): Promise<void> {
    await pause(20)
  }

  use(): Promise<void> {
    return this._use(() => undefined)
  }
}

test("a connection that was released in time leaves no timer that holds the process", async () => {
  useProject()
  const connection = new Slow("slow")
  await connection.use()
  const before = timers()
  await connection.reset({ timeout: 0 })
  expect(timers()).toBe(before)
})

function timers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length
}
