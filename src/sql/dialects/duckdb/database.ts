import type { Database, DriverConnection, SqlConfig } from "../../dialect.ts"
import { DuckDBConnection } from "./connection.ts"
import { loadDriver, type RawInstance } from "./driver.ts"
import { Instance } from "./instance.ts"
import { locate, optionsOf } from "./source.ts"

/** Opens a database. A file that does not exist is made later, by the first statement that may write. */
export async function openDuckDB(config: SqlConfig): Promise<Database> {
  const instance = new Instance(await loadDriver(), locate(config), optionsOf(config), Object.keys(config.query))
  if (!instance.isMissing()) await instance.open()
  return new DuckDBDatabase(instance)
}

class DuckDBDatabase implements Database {
  readonly #instance: Instance

  constructor(instance: Instance) {
    this.#instance = instance
  }

  /** `DuckDBInstance`; undefined while the file does not exist. */
  get engine(): RawInstance | undefined {
    return this.#instance.raw
  }

  get version(): string {
    return this.#instance.driver.bindings.library_version()
  }

  async connect({ signal }: { signal: AbortSignal }): Promise<DriverConnection> {
    signal.throwIfAborted()
    this.#instance.check()
    const native = this.#instance.isMissing() ? undefined : await this.#instance.connect({ create: false })
    return new DuckDBConnection(this.#instance, native)
  }

  close(): Promise<void> {
    return this.#instance.close()
  }
}
