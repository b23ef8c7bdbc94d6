import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { runScript } from "../support/child.ts"
import { until } from "../support/waiting.ts"
import { record } from "./report.ts"
import { provoked } from "./scenarios.ts"
import { onEachServer } from "./stage.ts"

const fixture = join(import.meta.dirname, "idle.fixture.ts")

onEachServer((stage) => {
  const ends = ["the server", "RST", "FIN", "the server's death"] as const

  test.each(ends)("R06 idle connections that %s ended do not end the process", async (how) => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "mooring-idle-")))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const go = join(folder, "go")
    const proxy = await stage.proxy()
    const options = { dialect: stage.dialect, ...proxy.address, ...stage.server.login }
    const script = runScript(fixture, {
      cwd: folder,
      env: { IDLE_FIXTURE: JSON.stringify({ options, go, done: how }) },
      timeoutMs: 30_000,
    })
    // Three that are idle, one in a session, one that was taken out.
    await until(async () => proxy.links.size === 5 && (await stage.server.sessions()) === 5, 20_000)
    if (how === "the server") expect(await stage.server.endSessions()).toBe(5)
    else if (how === "RST") proxy.closeLinks("reset")
    else if (how === "FIN") proxy.closeLinks("end")
    else {
      await stage.server.kill()
      await stage.server.start()
    }
    writeFileSync(go, "")
    const { code, stdout, stderr } = await script
    const lost = Number(code !== 0)
    record({ promise: "R06", dialect: stage.dialect, what: provoked.R06, provoked: 1, lost })
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const told = JSON.parse(stdout.trim().split("\n").at(-1)!)
    expect(told).toEqual({
      again: [{ n: 4 }],
      inSession: expect.stringMatching(/^(unknown|notRun|failed)$/),
      done: how,
    })
  })
})
