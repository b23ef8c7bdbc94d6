import type { Database, DriverConnection, RunResult } from "../../src/sql/dialect.ts"
import { Table } from "../../src/tables/index.ts"

/** A physical connection that only counts. */
export interface FakeConnection extends DriverConnection {
  /** Counts from 1. */
  readonly id: number
  usable: boolean
  resets: number
  pings: number
  closed: boolean
}

/** What a {@link FakeDatabase} does instead of succeeding at once. */
export interface FakeBehaviour {
  connect?(number: number, signal: AbortSignal): Promise<unknown> | undefined
  ping?(connection: FakeConnection, signal: AbortSignal): Promise<unknown> | undefined
  reset?(connection: FakeConnection): Promise<unknown> | undefined
  close?(connection: FakeConnection): Promise<unknown> | undefined
}

/** A database of nothing but connections: open ones are counted as a server would, from the first to the last byte. */
export class FakeDatabase implements Database {
  readonly engine: object = { fake: true }
  readonly made: FakeConnection[] = []
  readonly behaviour: FakeBehaviour
  attempts = 0
  open = 0
  mostOpen = 0
  closed = false

  constructor(behaviour: FakeBehaviour = {}) {
    this.behaviour = behaviour
  }

  async connect({ signal }: { signal: AbortSignal }): Promise<FakeConnection> {
    this.mostOpen = Math.max(this.mostOpen, ++this.open)
    const number = ++this.attempts
    try {
      await this.behaviour.connect?.(number, signal)
    } catch (error) {
      this.open--
      throw error
    }
    const connection = this.#connection(this.made.length + 1)
    this.made.push(connection)
    return connection
  }

  async close(): Promise<void> {
    this.closed = true
  }

  #connection(id: number): FakeConnection {
    const { behaviour } = this
    const connection: FakeConnection = {
      id,
      raw: { id },
      usable: true,
      resets: 0,
      pings: 0,
      closed: false,
      run: async (): Promise<RunResult> => ({ table: Table.empty, rowCount: 0 }),
      stream: async () => ({ schema: Table.empty.schema, async *[Symbol.asyncIterator]() {} }),
      ping: async ({ signal }) => {
        connection.pings++
        await behaviour.ping?.(connection, signal)
      },
      reset: async () => {
        connection.resets++
        await behaviour.reset?.(connection)
      },
      close: async () => {
        await behaviour.close?.(connection)
        if (connection.closed) throw new Error(`Connection ${id} was closed twice.`)
        connection.closed = true
        this.open--
      },
    }
    return connection
  }
}
