import type { DatabaseSync } from "node:sqlite"
import { allowReadsOnly, wouldOnlyRead } from "./authorizer.ts"
import { identityOf } from "./open-file.ts"
import { explainOpening, missingFile } from "./opening.ts"
import { allowWrites, beginWriting, type WorkerSetup } from "./protocol.ts"
import { loadSqlite } from "./runtime.ts"
import { type Prepared, PreparedStatements } from "./statements.ts"

/** What may change a setting, attach a file or make a temporary table; it may also stand in a string, and do nothing. */
const changesSession = /\b(?:attach|detach|pragma|temp|temporary)\b/i

/** One handle of `node:sqlite`, with the statements that were prepared on it. */
export class Handle {
  readonly database: DatabaseSync
  private readonly readOnly: boolean
  private readonly guarded: boolean
  /** Only a fresh handle is sure to be as a fresh session. */
  isChanged = false
  private readonly statements: PreparedStatements
  private readonly hasAuthorizer: boolean

  /** @param guarded for queries: the engine refuses whatever is not reading. */
  constructor(setup: WorkerSetup, guarded: boolean) {
    const sqlite = loadSqlite()
    const readOnly = guarded || setup.readOnly
    this.readOnly = readOnly
    this.guarded = guarded
    if (readOnly && !setup.memory && identityOf(setup.path) === undefined) throw missingFile(setup)
    let database: DatabaseSync | undefined
    try {
      database = new sqlite.DatabaseSync(pathFor(setup, readOnly), { ...setup.options, readOnly })
      configure(database, setup, readOnly)
    } catch (error) {
      database?.close()
      throw explainOpening(error, setup)
    }
    this.database = database
    this.hasAuthorizer = guarded && allowReadsOnly(database, sqlite)
    this.statements = new PreparedStatements(database)
  }

  get isInTransaction(): boolean {
    return this.database.isOpen && this.database.isTransaction
  }

  prepare(text: string): Prepared {
    if (changesSession.test(text) && text !== allowWrites) this.isChanged = true
    if (this.readOnly && text === beginWriting) return this.statements.get("BEGIN")
    if (this.guarded && !this.hasAuthorizer && !this.statements.has(text) && !wouldOnlyRead(this.database, text)) {
      throw Object.assign(new Error("not authorized"), { code: "ERR_SQLITE_ERROR", errcode: 23 })
    }
    return this.statements.get(text)
  }

  /** Reads the file, before which SQLite rolls back what a process that died had begun to write. */
  recover(): void {
    this.database.prepare("select 1 from sqlite_schema").get()
  }

  /** What `insert … returning` leaves out. */
  lastInsertId(): bigint {
    const statement = this.prepare("select last_insert_rowid()").statement
    return (statement.get() as unknown as bigint[])[0]!
  }

  close(): void {
    if (this.database.isOpen) this.database.close()
  }
}

function pathFor(setup: WorkerSetup, readOnly: boolean): string {
  if (!setup.immutable || !readOnly) return setup.path
  return `file:${encodeURI(setup.path).replaceAll("?", "%3f").replaceAll("#", "%23")}?immutable=1`
}

function configure(database: DatabaseSync, setup: WorkerSetup, readOnly: boolean): void {
  const set = (pragma: string, value: string | number) => database.exec(`pragma ${pragma} = ${value}`)
  const patience = Math.min(Math.ceil(setup.busyTimeout), 2 ** 31 - 1)
  set("busy_timeout", patience)
  // The first read of the file: here it shows that it is no database.
  const mode = database.prepare("pragma journal_mode").get()?.journal_mode
  if (readOnly) return
  set("foreign_keys", setup.foreignKeys ? "on" : "off")
  if (setup.synchronous !== undefined) set("synchronous", setup.synchronous)
  if (setup.journalMode === undefined || setup.journalMode === mode) return
  // This needs the file for oneself for a moment; while somebody else has it, the mode stays as it is.
  set("busy_timeout", 0)
  try {
    set("journal_mode", setup.journalMode)
  } catch (error) {
    if (((error as { errcode?: number }).errcode ?? 0) % 256 !== 5) throw error
  } finally {
    set("busy_timeout", patience)
  }
}
