import { spawnSync } from "node:child_process"
import { findProgram } from "../../test/support/daemon.ts"
import { Absent, type Case, type Side } from "../case.ts"
import { addressOf, finishMariaDB, mariadbUrl, onMariaDB, prepareMariaDB } from "../support/mariadb.ts"
import { streamlit } from "../support/streamlit.ts"
import { allTrips, expectRows, mariadbTrips, rows } from "../support/trips.ts"
import { versionOf } from "../support/versions.ts"

export const comparison: Case = {
  title: "MariaDB on loopback: 1,000,000 rows × 8 columns, two of them text, read whole",
  chart: { name: "reading", title: "MariaDB" },
  prepare: (folder) => prepareMariaDB(folder, mariadbTrips),
  finish: finishMariaDB,
  sides: {
    "mooring: query()": async (given) => {
      const trips = await onMariaDB(given)
      return { run: async () => expectRows((await trips.query(allTrips)).numRows) }
    },
    "mooring: query(), toArray()": async (given) => {
      const trips = await onMariaDB(given)
      return { run: async () => expectRows((await trips.query(allTrips)).toArray().length) }
    },
    "mysql2: execute()": (given) => mysql2(given, "execute"),
    "mysql2: query()": (given) => mysql2(given, "query"),
    "mariadb: execute()": (given) => mariadb(given, "execute"),
    "mariadb: query()": (given) => mariadb(given, "query"),
    "Streamlit: conn.query()": (given) =>
      streamlit({ work: "read", url: mariadbUrl(given), sql: allTrips, repetitions: 1, rows }),
    "mariadb program, to nowhere": async (given) => ({ run: async () => toNowhere(given), elsewhere: true }),
  },
  figures: [
    {
      title: "faster than mysql2's execute",
      over: "mysql2: execute()",
      under: "mooring: query()",
      bar: { atLeast: 1.7 },
    },
    {
      title: "peak memory against mysql2's execute",
      of: "peakMB",
      over: "mooring: query()",
      under: "mysql2: execute()",
      bar: { atMost: 0.65 },
    },
    { title: "faster than mariadb's execute", over: "mariadb: execute()", under: "mooring: query()" },
    { title: "faster than Streamlit", over: "Streamlit: conn.query()", under: "mooring: query()" },
  ],
}

async function mysql2(given: string, how: "query" | "execute"): Promise<Side> {
  const { createConnection } = await import("mysql2/promise")
  // Without it, integers of 64 bits lose digits.
  const client = await createConnection({ ...addressOf(given), supportBigNumbers: true })
  const run = async () => {
    const [found] = await (how === "query" ? client.query(allTrips) : client.execute(allTrips))
    return expectRows((found as readonly unknown[]).length)
  }
  return { version: versionOf("mysql2"), run, close: () => client.end() }
}

async function mariadb(given: string, how: "query" | "execute"): Promise<Side> {
  const { createConnection } = await import("mariadb")
  const client = await createConnection(addressOf(given))
  const read = () => (how === "query" ? client.query(allTrips) : client.execute(allTrips))
  const run = async () => expectRows(((await read()) as readonly unknown[]).length)
  return { version: versionOf("mariadb"), run, close: () => client.end() }
}

function toNowhere(given: string): undefined {
  const program = findProgram("mariadb", "mysql")
  if (program === undefined) throw new Absent("this machine has no mariadb program")
  const { host, port, user, password, database } = addressOf(given)
  const place = ["--no-defaults", "-h", host, "-P", String(port), "-u", user, "-D", database]
  const env = { ...process.env, MYSQL_PWD: password }
  const { status, stderr } = spawnSync(program, [...place, "--quick", "--batch", "-e", allTrips], {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    env,
  })
  if (status !== 0) throw new Error(stderr)
}
