import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { isMooringError, type MooringError } from "../../src/errors.ts"
import { importDriver } from "../../src/sql/import-driver.ts"

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "mooring-"))
})
afterEach(() => rmSync(dir, { recursive: true }))

/** Node's own error for a module that is not there. The runner would look for it by itself. */
const nodeImport = (specifier: string) => {
  const file = join(dir, `${Math.random()}.cjs`)
  writeFileSync(file, `module.exports = () => import(${JSON.stringify(specifier)})`)
  return (createRequire(import.meta.url)(file) as () => Promise<unknown>)()
}

async function failure(promise: Promise<unknown>): Promise<MooringError> {
  const error: unknown = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  if (!isMooringError(error, "DRIVER_MISSING")) throw error
  return error
}

describe("B15 a missing driver", () => {
  test("names package, range and the project's install command, and keeps the cause", async () => {
    writeFileSync(join(dir, "pnpm-lock.yaml"), "")
    const driver = { package: "mooring-no-such-driver", range: "^1.2.3" }
    const error = await failure(importDriver(driver, () => nodeImport("mooring-no-such-driver"), dir))
    expect(error.message).toContain("mooring-no-such-driver (^1.2.3)")
    expect(error.hint).toBe("Install it: pnpm add mooring-no-such-driver@^1.2.3")
    expect(error.cause).toMatchObject({ code: "ERR_MODULE_NOT_FOUND" })
  })

  test("is recognised by a subpath, a scope and require", async () => {
    const scoped = { package: "@mooring-no/such", range: "*" }
    await failure(importDriver(scoped, () => nodeImport("@mooring-no/such/promise"), dir))
    const require = createRequire(join(dir, "x.cjs"))
    await failure(importDriver(scoped, async () => require("@mooring-no/such/promise.js"), dir))
  })
})

describe("other failures pass through", () => {
  test("a module that the driver itself misses", async () => {
    const driver = { package: "mooring-no-such", range: "*" }
    for (const inside of ["mooring-no-such-dependency", "other"]) {
      await expect(importDriver(driver, () => nodeImport(inside), dir)).rejects.toMatchObject({
        code: "ERR_MODULE_NOT_FOUND",
      })
    }
    await expect(importDriver(driver, () => nodeImport("./mooring-no-such"), dir)).rejects.not.toHaveProperty("hint")
  })

  test("an error of the driver's own, whatever it is", async () => {
    for (const thrown of [new Error("native module was built for another Node"), undefined, "text"]) {
      const loading = importDriver({ package: "x", range: "*" }, () => Promise.reject(thrown), dir)
      await expect(loading.catch((error: unknown) => ({ error }))).resolves.toEqual({ error: thrown })
    }
  })
})

describe("an installed driver", () => {
  test("is given as it was loaded, in silence", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {})
    const loaded = await importDriver({ package: "fast-check", range: "^4.0.0" }, () => import("fast-check"))
    expect(loaded.property).toBeTypeOf("function")
    expect(warn).not.toHaveBeenCalled()
    warn.mockRestore()
  })

  test("of another version than we are made for is one warning", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {})
    const driver = { package: "fast-check", range: "^1.0.0" }
    await importDriver(driver, () => import("fast-check"), dir)
    await importDriver(driver, () => import("fast-check"), dir)
    expect(warn).toHaveBeenCalledTimes(1)
    expect(String(warn.mock.calls[0]?.[0])).toMatch(/^fast-check 4\.\S+ is installed; Mooring is made for \^1\.0\.0\./)
    warn.mockRestore()
  })
})
