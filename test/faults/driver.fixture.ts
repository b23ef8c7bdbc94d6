/** A driver alone, in a process of its own: reads what it is sent, and says how that ended. */
import mysql from "mysql2/promise"
import pg from "pg"
import postgres from "postgres"
import { longestGap, watchConnects } from "./connects.ts"
import type { DriverCommand, DriverName, DriverOptions } from "./driver-alone.ts"

const { driver, listens, host, port, username, password, database, max } = JSON.parse(
  process.env.DRIVER_FIXTURE!,
) as DriverOptions
const login = { host, port, password, database }

const pools: Record<DriverName, () => (sql: string) => Promise<unknown>> = {
  pg() {
    const pool = new pg.Pool({ ...login, user: username, max })
    // What every program has to add, as its documentation says.
    if (listens) pool.on("error", () => undefined)
    return (sql) => pool.query(sql)
  },
  postgres() {
    const pool = postgres({ ...login, user: username, max })
    return (sql) => pool.unsafe(sql)
  },
  mysql2() {
    const pool = mysql.createPool({ ...login, user: username, connectionLimit: max })
    return (sql) => pool.query(sql)
  },
}

const read = pools[driver]()
const watch = watchConnects(port)

process.on("message", async ({ id, sql, since }: DriverCommand) => {
  if (since !== undefined) {
    const now = performance.now()
    const from = now - since
    const gap = longestGap(watch.at, from, now)
    process.send!({ id, connects: watch.at.filter((at) => at >= from).length, gap })
    return
  }
  const error = await read(sql!).then(
    () => undefined,
    (failure: unknown) => String(failure),
  )
  process.send!({ id, error })
})
