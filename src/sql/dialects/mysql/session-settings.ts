import { MooringError } from "../../../errors.ts"
import type { TransactionOptions } from "../../dialect.ts"
import type { MysqlSettings } from "./address.ts"
import type { ServerKind } from "./server.ts"

/** How long the server waits for a reader of a stream that does not come back; seconds. Its own default is 60. */
const patientWrites = 3600

type Isolation = TransactionOptions["isolation"]

/** What a section sets in every session. */
export interface SessionSettings {
  /** Parts of the SET that a session begins with. */
  readonly first: readonly string[]
  /** The caller's own statement, which is run next. */
  readonly init: { readonly text: string; readonly setsMode: boolean } | undefined
  /** Parts of the SET behind it: what it may not change. */
  readonly last: readonly string[]
  readonly timeZone: string
  /** The variable that makes the session's transactions read-only. */
  readonly modeVariable: string
}

/**
 * Every session's text is UTF-8, its clock is UTC unless another one is configured, and each statement is its own
 * transaction unless one is begun.
 *
 * @throws MooringError `BAD_CONFIG`
 */
export function sessionSettings(own: MysqlSettings, server: ServerKind, isolation: Isolation): SessionSettings {
  const { init_command } = own
  const text = init_command === undefined ? "" : String(init_command).trim()
  return {
    first: firstParts(own, server, isolation),
    init: text === "" ? undefined : { text, setsMode: /read[_\s]only/i.test(text) },
    // How literals compare is for an init_command to say (SET NAMES); what travels is UTF-8.
    last: ["character_set_client = utf8mb4", "character_set_results = utf8mb4", "autocommit = 1"],
    timeZone: String(own.time_zone ?? "+00:00"),
    modeVariable: `@@SESSION.${server.readOnlyVariable}`,
  }
}

function firstParts(own: MysqlSettings, server: ServerKind, isolation: Isolation): readonly string[] {
  const { collation, time_zone = "+00:00", sql_mode, statement_timeout } = own
  return [
    `NAMES utf8mb4${collation === undefined ? "" : ` COLLATE ${plain(collation, "collation")}`}`,
    `time_zone = '${plain(time_zone, "time_zone")}'`,
    "autocommit = 1",
    `net_write_timeout = GREATEST(@@net_write_timeout, ${patientWrites})`,
    ...(isolation === undefined ? [] : [`${server.isolationVariable} = '${levelNamed(isolation)}'`]),
    ...(sql_mode === undefined ? [] : [`sql_mode = '${plain(sql_mode, "sql_mode")}'`]),
    ...(statement_timeout === undefined ? [] : [statementTimeout(Number(statement_timeout), server)]),
  ]
}

/** `REPEATABLE-READ`: InnoDB's is a snapshot. */
function levelNamed(isolation: NonNullable<Isolation>): string {
  return isolation === "snapshot" ? "REPEATABLE-READ" : isolation.toUpperCase().replace(" ", "-")
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
