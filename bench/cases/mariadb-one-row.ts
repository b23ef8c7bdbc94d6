import type { Case } from "../case.ts"
import { lookUp } from "../support/look-up.ts"
import { addressOf, finishMariaDB, onMariaDB, prepareMariaDB } from "../support/mariadb.ts"
import { mariadbTrips } from "../support/trips.ts"
import { versionOf } from "../support/versions.ts"

const text = "select id, name, fare from trips where id = ?"

export const comparison: Case = {
  title: "MariaDB on loopback: one row by key, one after the other (mean)",
  unit: "µs",
  chart: { name: "small", title: "One row by key, MariaDB" },
  prepare: (folder) => prepareMariaDB(folder, mariadbTrips),
  finish: finishMariaDB,
  sides: {
    "mooring: query()": async (given) => {
      const trips = await onMariaDB(given)
      return lookUp((id) => trips.query(text, { params: [id] }))
    },
    "mysql2: execute()": async (given) => {
      const { createConnection } = await import("mysql2/promise")
      const client = await createConnection(addressOf(given))
      return lookUp((id) => client.execute(text, [id]), { version: versionOf("mysql2"), close: () => client.end() })
    },
    "mysql2: query()": async (given) => {
      const { createConnection } = await import("mysql2/promise")
      const client = await createConnection(addressOf(given))
      return lookUp((id) => client.query(text, [id]), { version: versionOf("mysql2"), close: () => client.end() })
    },
    "mariadb: execute()": async (given) => {
      const { createConnection } = await import("mariadb")
      const client = await createConnection(addressOf(given))
      return lookUp((id) => client.execute(text, [id]), { version: versionOf("mariadb"), close: () => client.end() })
    },
  },
  figures: [{ title: "against mysql2's execute", over: "mooring: query()", under: "mysql2: execute()" }],
}
