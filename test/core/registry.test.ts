import fc from "fast-check"
import { expect, test } from "vitest"
import { connection } from "../../src/index.ts"
import { PetsConnection } from "../support/pets-connection.ts"
import { startPetsServer } from "../support/pets-server.ts"
import { useProject } from "../support/project.ts"
import { failureOf, until } from "../support/waiting.ts"

const tag = fc.integer({ min: 1, max: 4 })
const step = fc.oneof(
  fc.record({ do: fc.constant("connect" as const), tag, maxEntries: fc.option(fc.integer({ min: 1, max: 3 })) }),
  fc.record({ do: fc.constant("use" as const), handle: fc.nat(20) }),
  fc.record({ do: fc.constant("reset" as const), handle: fc.nat(20) }),
  fc.record({ do: fc.constant("close" as const), handle: fc.nat(20) }),
  fc.record({ do: fc.constant("break" as const) }),
)

test("however connections come, go and come back, a handle works until it is closed, and no socket is left", async () => {
  useProject()
  const server = await startPetsServer()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      const handles: PetsConnection[] = []
      const closed = new Set<PetsConnection>()
      const options = { type: PetsConnection, port: server.port, token: "canary-token" }
      for (const one of steps) {
        if (one.do === "break") {
          server.breakAll()
          continue
        }
        if (one.do === "connect") {
          const { tag, maxEntries } = one
          const made = await connection("pets", { ...options, tag, ...(maxEntries !== null && { maxEntries }) })
          expect(await connection("pets", { ...options, tag })).toBe(made)
          expect(closed.has(made)).toBe(false)
          handles.push(made)
          continue
        }
        const handle = handles[one.handle % Math.max(1, handles.length)]
        if (!handle) continue
        if (one.do === "close") {
          await handle.close()
          closed.add(handle)
        } else if (closed.has(handle)) {
          expect(await failureOf(handle.ask("owner", "cat"))).toMatchObject({ code: "CLOSED" })
        } else if (one.do === "reset") await handle.reset()
        else expect(await handle.ask("owner", "cat")).toBe("Ada")
      }
      await Promise.all(handles.map((handle) => handle.close()))
      await until(() => server.open === 0)
    }),
    { numRuns: 60 },
  )
})
