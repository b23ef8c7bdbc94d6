import type { OkPacket } from "./driver.ts"
import type { SessionSettings } from "./session-settings.ts"
import { type Zone, zoneNamed } from "./zone.ts"

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
 * What is set in a session, and what has to be sent so that it fits the next statement: one statement, unless an
 * `init_command` is configured.
 *
 * Nothing is sent for a session that reads again and again.
 */
export class SessionState {
  private readonly settings: SessionSettings
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

  constructor(settings: SessionSettings) {
    this.settings = settings
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

  /** What makes the session fit, in this order; mostly nothing. */
  statementsFor(readOnly: boolean): readonly string[] {
    const { first, init, last } = this.settings
    const mode = this.modeFor(readOnly)
    if (!this.isSet) {
      // Tracking first: setting it drops what was to be reported.
      const begin = [...(this.isTracked ? tracking : []), ...first]
      return init ? [...set(begin), init.text, ...set([...last, ...mode])] : set([...begin, ...mode])
    }
    // Writable again is what the init_command makes of it.
    if (init?.setsMode && !readOnly && mode.length > 0) return [...set(mode), init.text, ...set(last)]
    // Its answer names the zone.
    return set([...(this.isZoneKnown ? [] : ["time_zone = @@SESSION.time_zone"]), ...mode])
  }

  /** Whether this is the configured statement. */
  isInit(text: string): boolean {
    return text === this.settings.init?.text
  }

  private modeFor(readOnly: boolean): readonly string[] {
    const { modeVariable } = this.settings
    if (readOnly) return this.mode === "reading" ? [] : [`${modeVariable} = 1`]
    return this.mode === "free" ? [] : [`${modeVariable} = DEFAULT`]
  }

  /** Those statements were run. */
  applied(readOnly: boolean): void {
    this.isSet = true
    this.isZoneKnown = true
    this.mode = readOnly ? "reading" : "free"
  }

  /** Statements that set the session's access mode, or settings of ours, are run now, and may come to nothing. */
  applying(): void {
    this.mode = "unknown"
    if (!this.isSet) this.timeZone = this.settings.timeZone
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

function set(parts: readonly string[]): readonly string[] {
  return parts.length === 0 ? [] : [`SET ${parts.join(", ")}`]
}

/** Whether these bits of a status say that something in the session was changed. */
export function saysChanged(status: number): boolean {
  return (status & stateChangedBit) !== 0
}
