import type { PoolSettings } from "../../src/sql/dialect.ts"
import { Places } from "../../src/sql/places.ts"
import { Pool, type PoolHost } from "../../src/sql/pool.ts"
import { type FakeBehaviour, type FakeConnection, FakeDatabase } from "./fake-database.ts"

const never = new AbortController().signal

/** What {@link makePool} gives. */
export interface TestPool {
  readonly pool: Pool
  readonly database: FakeDatabase
  acquire(signal?: AbortSignal): Promise<FakeConnection>
}

/** A pool of fake connections, by default of one, that shares its places with nobody. */
export function makePool(
  settings: Partial<PoolSettings> = {},
  behaviour: FakeBehaviour = {},
  host: Partial<PoolHost> = {},
): TestPool {
  const database = new FakeDatabase(behaviour)
  const complete = {
    size: 1,
    maxOverflow: 0,
    timeout: 30_000,
    recycle: Number.POSITIVE_INFINITY,
    prePing: false,
    ...settings,
  }
  const pool = new Pool(database, complete, { name: "pets", places: new Places(), ...host })
  const acquire = async (signal: AbortSignal = never) => (await pool.acquire(signal)) as FakeConnection
  return { pool, database, acquire }
}
