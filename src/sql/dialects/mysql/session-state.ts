import { MooringError } from "../../../errors.ts"
import type { MysqlSettings } from "./address.ts"
import type { OkPacket } from "./driver.ts"
import type { ServerKind } from "./server.ts"
import { type Zone, zoneNamed } from "./zone.ts"

/** How long the server waits for a reader of a stream that does not come back; seconds. Its own default is 60. */
const patientWrites = 3600

/**
 * With it the server's answers say whether a statement, or a function in it, has changed a setting or a variable, or made
 * a temporary table. They do not for what an expression assigns to a variable, for locks and for LAST_INSERT_ID(n).
 */
const tracking: readonly string[] = ["session_track_system_variables = '*'", "session_track_state_change = 1"]

/** The server's number for a SET of what it does not have. */
const unknownVariable = 1193

/** Bits of the server's status. */
const inTransactionBit = 0x0001
const noBackslashBit = 0x0200
const stateChangedBit = 0x4000

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
  /** Whether the server reports what statements change. */
  isTracked = true
  private isSet = false
  private isZoneKnown = true
  private timeZone = ""
  /** The clock of the zone that was named last. */
  private clocked = ""
  private current: "UTC" | Zone | undefined
  private moved = false
  private status = 0
  /** What the present borrower may have left: of `traces` the server reports nothing, and plain statements see nothing. */
  private left: "nothing" | "traces" | "state" = "nothing"
  /** Earlier borrowers may have left traces. */
  private stale = false
  /** `reading`: read-only by us; `free`: as the server has it; `unknown`: nobody knows which. */
  private mode: "reading" | "free" | "unknown" = "free"

  constructor(own: MysqlSettings, server: ServerKind) {
    this.settings = settingsFor(own, server)
    this.configuredZone = String(own.time_zone ?? "+00:00")
    this.readOnlyVariable = `@@SESSION.${server.readOnlyVariable}`
  }

  /** The session's clock, as far as the server told; undefined where only it knows. */
  get clock(): "UTC" | Zone | undefined {
    if (!this.isZoneKnown) return undefined
    if (this.clocked !== this.timeZone) {
      this.clocked = this.timeZone
      this.current = utc.test(this.timeZone) ? "UTC" : zoneNamed(this.timeZone)
    }
    return this.current
  }

  /** Whether the session may be in another database than the configured one, where a reset would leave it. */
  get hasMoved(): boolean {
    return this.moved
  }

  /** Whether a transaction is open, as the server last reported. */
  get inTransaction(): boolean {
    return (this.status & inTransactionBit) !== 0
  }

  /** Whether a backslash in a string escapes what follows it. */
  get backslashEscapes(): boolean {
    return (this.status & noBackslashBit) === 0
  }

  /** Whether the present borrower has run nothing yet. */
  get isUntouched(): boolean {
    return this.left === "nothing"
  }

  /** Whether the present borrower left something that the next one must not find. */
  get isUsed(): boolean {
    return this.left === "state"
  }

  /** Whether anything was left since the session was fresh. */
  get isFresh(): boolean {
    return this.left === "nothing" && !this.stale
  }

  /** Whether earlier borrowers left what a statement of the present one, its first that is not plain, could see. */
  get isStale(): boolean {
    return this.left === "nothing" && this.stale
  }

  /** A statement was run: a plain one, or one that may have left something. */
  noteRun(isPlain: boolean): void {
    if (!isPlain) this.left = "state"
    else if (this.left === "nothing") this.left = "traces"
  }

  /** The borrower gives the session back as it is. */
  handBack(): void {
    if (this.left === "traces") this.stale = true
    this.left = "nothing"
  }

  /** What a statement has changed in the session, as the server reports. */
  note(answer: OkPacket | undefined, status: number | undefined): void {
    const changes = answer?.stateChanges
    this.status = answer?.serverStatus ?? status ?? this.status
    this.timeZone = changes?.systemVariables.time_zone ?? this.timeZone
    if (changes?.schema) this.noteMove()
  }

  /** The server reports that a statement has changed something; behind rows it does not say what. */
  noteChange(answer: OkPacket | undefined): void {
    this.left = "state"
    if (!answer?.stateChanges) this.isZoneKnown = false
  }

  /**
   * After an error of the first SET: whether it may do better without tracking, of which the server knows nothing. Then
   * every statement counts as one that leaves something.
   */
  giveUpTracking(error: unknown): boolean {
    const { errno, message = "" } = error as { errno?: number; message?: string }
    if (!this.isTracked || errno !== unknownVariable || !message.includes("session_track")) return false
    this.isTracked = false
    return true
  }

  /** Nobody knows what was done. */
  noteMove(): void {
    this.moved = true
    this.left = "state"
  }

  /** What makes the session fit; undefined where it is. */
  statementFor(readOnly: boolean): string | undefined {
    // Tracking first: setting it drops what was to be reported.
    const parts: string[] = this.isSet ? [] : [...(this.isTracked ? tracking : []), ...this.settings]
    // Its answer names the zone.
    if (this.isSet && !this.isZoneKnown) parts.push("time_zone = @@SESSION.time_zone")
    if (readOnly && this.mode !== "reading") parts.push(`${this.readOnlyVariable} = 1`)
    if (!readOnly && this.mode !== "free") parts.push(`${this.readOnlyVariable} = DEFAULT`)
    return parts.length === 0 ? undefined : `SET ${parts.join(", ")}`
  }

  /** That statement was run. */
  applied(readOnly: boolean): void {
    if (!this.isSet) this.timeZone = this.configuredZone
    this.isSet = true
    this.isZoneKnown = true
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
    this.left = "nothing"
    this.stale = false
    this.mode = "free"
  }
}

/** Whether these bits of a status say that something in the session was changed. */
export function saysChanged(status: number): boolean {
  return (status & stateChangedBit) !== 0
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
