import { MooringError } from "../../../errors.ts"
import type { MysqlSettings } from "./address.ts"
import type { OkPacket } from "./driver.ts"
import type { ServerKind } from "./server.ts"

/** How long the server waits for a reader of a stream that does not come back; seconds. Its own default is 60. */
const patientWrites = 3600

const utc = /^([+-]00:00|(Etc\/)?(UTC|GMT|Zulu)|Etc\/Greenwich)$/i

/**
 * What is set in a session, and what has to be sent so that it fits the next statement: one statement at most.
 *
 * Nothing is sent for a session that reads again and again.
 */
export class SessionState {
  private readonly settings: readonly string[]
  private readonly readOnlyVariable: string
  private readonly configuredZone: string
  private isSet = false
  private timeZone = ""
  private moved = false
  private used = false
  /** `reading`: read-only by us; `free`: as the server has it; `unknown`: nobody knows which. */
  private mode: "reading" | "free" | "unknown" = "free"

  constructor(own: MysqlSettings, server: ServerKind) {
    this.settings = settingsFor(own, server)
    this.configuredZone = String(own.time_zone ?? "+00:00")
    this.readOnlyVariable = `@@SESSION.${server.readOnlyVariable}`
  }

  /** Whether the session's clock is UTC, as far as the server told. */
  get isUtc(): boolean {
    return utc.test(this.timeZone)
  }

  /** Whether the session may be in another database than the configured one, where a reset would leave it. */
  get hasMoved(): boolean {
    return this.moved
  }

  /** Whether there may be something that the next borrower must not find. */
  get isUsed(): boolean {
    return this.used
  }

  /** A statement may have left something. */
  noteUse(): void {
    this.used = true
  }

  /** What a statement has changed in the session, as the server tells. */
  note(changes: OkPacket["stateChanges"]): void {
    this.timeZone = changes?.systemVariables.time_zone ?? this.timeZone
    if (changes?.schema) this.noteMove()
  }

  /** Nobody knows what was done. */
  noteMove(): void {
    this.moved = true
    this.used = true
  }

  /** What makes the session fit; undefined where it is. */
  statementFor(readOnly: boolean): string | undefined {
    const parts: string[] = this.isSet ? [] : [...this.settings]
    if (readOnly && this.mode !== "reading") parts.push(`${this.readOnlyVariable} = 1`)
    if (!readOnly && this.mode !== "free") parts.push(`${this.readOnlyVariable} = DEFAULT`)
    return parts.length === 0 ? undefined : `SET ${parts.join(", ")}`
  }

  /** That statement was run. */
  applied(readOnly: boolean): void {
    if (!this.isSet) this.timeZone = this.configuredZone
    this.isSet = true
    this.mode = readOnly ? "reading" : "free"
  }

  /** A statement may have set the session's access mode, or a setting of ours may have come to nothing. */
  forgetMode(): void {
    this.mode = "unknown"
  }

  /** The server has forgotten all of it, and is back in the configured database. */
  forgetAll(): void {
    this.isSet = false
    this.moved = false
    this.used = false
    this.mode = "free"
  }
}

/** Every session's text is UTF-8, its clock is UTC, and each statement is its own transaction unless one is begun. */
function settingsFor(own: MysqlSettings, server: ServerKind): string[] {
  const { collation, time_zone = "+00:00", sql_mode, statement_timeout } = own
  return [
    `NAMES utf8mb4${collation === undefined ? "" : ` COLLATE ${plain(collation, "collation")}`}`,
    `time_zone = '${plain(time_zone, "time_zone")}'`,
    "autocommit = 1",
    `net_write_timeout = GREATEST(@@net_write_timeout, ${patientWrites})`,
    ...(sql_mode === undefined ? [] : [`sql_mode = '${plain(sql_mode, "sql_mode")}'`]),
    ...(statement_timeout === undefined ? [] : [statementTimeout(Number(statement_timeout), server)]),
  ]
}

/** MariaDB counts seconds, for every statement; MySQL milliseconds, for SELECT. */
function statementTimeout(milliseconds: number, { isMariaDB }: ServerKind): string {
  const limit = Number.isFinite(milliseconds) ? milliseconds : 0
  return isMariaDB ? `max_statement_time = ${limit / 1000}` : `max_execution_time = ${Math.ceil(limit)}`
}

/** They stand in SQL as they are. */
function plain(value: unknown, name: string): string {
  const text = String(value)
  if (/^[\w+:,/ -]*$/.test(text)) return text
  throw new MooringError("BAD_CONFIG", `${name} has characters that no value of it has.`, {
    hint: `Give it as MySQL's SET takes it.`,
  })
}
