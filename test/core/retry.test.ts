import { expect, test, vi } from "vitest"
import { classifySocketError } from "../../src/core/classify.ts"
import { withRetries } from "../../src/core/retry.ts"
import { connection } from "../../src/index.ts"
import { PetsConnection } from "../support/pets-connection.ts"
import { startPetsServer } from "../support/pets-server.ts"
import { useProject } from "../support/project.ts"
import { failureOf } from "../support/waiting.ts"

const coded = (code: string, cause?: unknown) => Object.assign(new Error(code, { cause }), { code })

/** How often the work was tried, and what it ended with. */
async function tried(errors: readonly unknown[], classify = classifySocketError) {
  const left = [...errors]
  const work = vi.fn(async () => {
    if (left.length > 0) throw left.shift()
    return "done"
  })
  const result = await withRetries(work, { classify }).catch((error: unknown) => error)
  return { attempts: work.mock.calls.length, result }
}

test("a lost connection is tried again, three times in all, and the last error is thrown", async () => {
  expect(await tried([coded("ECONNRESET")])).toEqual({ attempts: 2, result: "done" })
  const errors = ["EPIPE", "ETIMEDOUT", "ECONNRESET", "EPIPE"].map((code) => coded(code))
  expect(await tried(errors)).toEqual({ attempts: 3, result: errors[2] })
})

test("what is not ready is tried again; what is wrong and what would have to be run anew is not", async () => {
  expect(await tried([coded("ECONNREFUSED"), coded("EAI_AGAIN")])).toEqual({ attempts: 3, result: "done" })
  for (const code of ["ENOTFOUND", "CERT_HAS_EXPIRED", "ERR_INVALID_URL"]) {
    expect((await tried([coded(code)])).attempts).toBe(1)
  }
  expect((await tried([new Error("wrong")])).attempts).toBe(1)
  expect((await tried([new Error("again")], () => "rerun")).attempts).toBe(1)
})

test("the code of a cause counts, and what is no object does not", () => {
  expect(classifySocketError(new Error("outer", { cause: coded("inner", coded("ECONNRESET")) }))).toBe("lost")
  expect(classifySocketError(coded("ENOTFOUND", coded("EAI_AGAIN")))).toBe("wait")
  for (const odd of [undefined, null, "ECONNRESET", 5, { code: "constructor" }, { code: 5 }]) {
    expect(classifySocketError(odd)).toBe("fatal")
  }
  const cycle = coded("odd")
  cycle.cause = cycle
  expect(classifySocketError(cycle)).toBe("fatal")
})

test("no attempt begins later than the policy says, and an abort ends the wait", async () => {
  const policy = { attempts: 100, within: 60, firstWait: 10 }
  const work = vi.fn(async () => {
    throw coded("ECONNREFUSED")
  })
  await failureOf(withRetries(work, { classify: classifySocketError, policy }))
  expect(work.mock.calls.length).toBeGreaterThan(1)
  expect(work.mock.calls.length).toBeLessThan(6)
  const abort = new AbortController()
  const long = { attempts: 3, within: 600_000, firstWait: 60_000 }
  const waiting = failureOf(withRetries(work, { classify: classifySocketError, policy: long, signal: abort.signal }))
  await new Promise((resolve) => setTimeout(resolve, 5))
  abort.abort(new Error("enough"))
  expect((await waiting).message).toBe("enough")
})

test("a retried read does not see that its connection broke; one that is not retried does, and the next works", async () => {
  useProject()
  const server = await startPetsServer()
  const pets = await connection("pets", { type: PetsConnection, port: server.port, token: "canary-token" })
  server.breakAll()
  expect(await pets.ask("owner", "cat")).toBe("Ada")
  server.breakAll()
  expect(await failureOf(pets.use((client) => client.ask("break")))).toMatchObject({ code: "ECONNRESET" })
  expect(await pets.use((client) => client.ask("owner", "cat"))).toBe("Ada")
  expect(server.connects).toBe(3)
})

test("what the other side answers is an answer: one attempt, no reset", async () => {
  useProject()
  const server = await startPetsServer()
  const pets = await connection("pets", { type: PetsConnection, port: server.port, token: "canary-token" })
  expect((await failureOf(pets.ask("nonsense"))).message).toBe("there is no request nonsense")
  expect(server.requests).toEqual(["nonsense"])
  expect(server.connects).toBe(1)
})
