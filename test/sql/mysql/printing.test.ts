import { inspect } from "node:util"
import { expect } from "vitest"
import { newMariaDBDatabase, newMariaDBUser } from "../../support/mariadb-database.ts"
import { connect, onServer } from "./support.ts"

onServer("printing the driver's connection shows where it leads, and no password", async () => {
  const owner = await newMariaDBDatabase()
  const user = await newMariaDBUser(owner.database, "hunter2")
  const { raw } = await connect({ ...owner, ...user })
  const { config } = raw as { config: { password?: string } }
  expect(inspect({ raw })).toMatch(/^\{ raw: mysql2 connection \d+ to 127\.0\.0\.1:\d+\/\w+ \}$/)
  expect(inspect(config, { depth: 9 })).not.toContain("hunter2")
  expect(JSON.stringify(config)).not.toContain("hunter2")
  expect(config.password).toBe("hunter2")
})
