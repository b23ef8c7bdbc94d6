import { type Controlled, Environment, isConnection, runInEnvironment } from "../core/index.ts"
import { MooringError } from "../errors.ts"

/** What stands in for a connection: a connection object, or options such as `{ type: "sql", url: "duckdb://" }`. */
export type StandIn = object

/**
 * Runs `work` with these connections in the place of the configured ones. Inside, and in all that it calls,
 * `connection("pets")` gives the stand-in; registry, cache and secrets are its own; all is closed afterwards.
 *
 * @param connections by name: a connection object is given as it is; options take the place of those of the call.
 * @example
 * await withConnections({ pets: fakeSql({ "select * from owners": [{ name: "Ada" }] }) }, async () => {
 *   expect(await listOwners()).toEqual(["Ada"])
 * })
 */
export async function withConnections<T>(
  connections: Readonly<Record<string, StandIn>>,
  work: () => Promise<T> | T,
): Promise<T> {
  const environment = new Environment({ isolated: true })
  const given: Controlled[] = []
  for (const [name, standIn] of Object.entries(connections)) {
    if (typeof standIn !== "object" || standIn === null) throw noStandIn(name, standIn)
    if (!isConnection(standIn)) {
      environment.standIns.set(name, standIn as Record<string, unknown>)
      continue
    }
    environment.replacements.set(name, standIn)
    given.push(standIn)
  }
  try {
    return await runInEnvironment(environment, async () => work())
  } finally {
    await environment.close(closeTimeout)
    await Promise.all(given.map((connection) => (connection as unknown as { close(): Promise<void> }).close()))
  }
}

function noStandIn(name: string, given: unknown): MooringError {
  const hint = `Give a connection object, or options such as ${name}: { type: "sql", url: "duckdb://" }.`
  return new MooringError("BAD_CONFIG", `withConnections() has ${typeof given} in the place of "${name}".`, { hint })
}

/** What a test has left running is cut off; milliseconds. */
const closeTimeout = 1_000
