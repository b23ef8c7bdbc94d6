import { QueryError } from "../../../errors.ts"
import type { Statement } from "../../dialect.ts"
import { bindValues } from "./bind.ts"
import type { Driver, RawConnection } from "./driver.ts"
import { readTable } from "./results.ts"
import { afterBlanks, readOnly } from "./statements.ts"
import type { Work } from "./work.ts"

/** What a plan's step is called that changes something, in a transaction that reads only. */
const writing =
  /^((BATCH_)?(COPY|INSERT)|DELETE|UPDATE|MERGE|CREATE|DROP|ALTER|ATTACH|DETACH|EXPORT|IMPORT|VACUUM|LOAD|PRAGMA|TRANSACTION|SET$|SET_VARIABLE|RESET$)/

/** Functions that a SELECT may call and that change the whole instance, or run what no plan shows. */
export const changingFunctions: readonly string[] = [
  "checkpoint",
  "disable_logging",
  "disable_peg_parser",
  "disable_profiling",
  "enable_logging",
  "enable_peg_parser",
  "enable_profiling",
  "force_checkpoint",
  "json_execute_serialized_sql",
  "truncate_duckdb_logs",
]

/** Texts that may call one of them: only these are planned twice. `query('…')` can make a name out of parts. */
const mayCall = new RegExp(`\\b(${changingFunctions.join("|")}|query)\\b`, "i")

/** A statement that writes inside of one that reads. DuckDB 1 has no such statement, and no parser for it. */
const writingSelect = "with written as (copy (select 1) to 'f') from written"

/**
 * Refuses a SELECT that changes something: by what DuckDB plans to do, and not by the words of the statement.
 *
 * @throws QueryError `READ_ONLY`
 */
export async function checkPlan(
  driver: Driver,
  native: RawConnection,
  work: Work,
  statement: Statement,
): Promise<void> {
  if (!mayCall.test(statement.text) && !(await parsesWritingSelects(driver, native, work))) return
  for (const name of await stepsOf(driver, native, work, statement)) {
    if (writing.test(name) || changingFunctions.includes(name.toLowerCase())) throw readOnly(`SELECT with ${name}`)
  }
}

/** Asked once for each version of the library: parsing runs nothing. */
const parsing = new Map<string, boolean>()

async function parsesWritingSelects({ bindings }: Driver, native: RawConnection, work: Work): Promise<boolean> {
  const version = bindings.library_version()
  let parses = parsing.get(version)
  if (parses === undefined) {
    const answer = await work.call(() => bindings.extract_statements(native.connection, writingSelect))
    parsing.set(version, (parses = answer.statement_count > 0))
  }
  return parses
}

async function stepsOf(driver: Driver, native: RawConnection, work: Work, statement: Statement): Promise<string[]> {
  const { bindings } = driver
  const text = `EXPLAIN (FORMAT JSON) ${statement.text.slice(afterBlanks(statement.text))}`
  try {
    const prepared = await work.call(() => bindings.prepare(native.connection, text))
    try {
      await bindValues(bindings, prepared, statement.values, work)
      const result = await work.call(() => bindings.execute_prepared(prepared))
      const table = await readTable(driver, work, result, unlimited)
      return table.toArray().flatMap(({ explain_value: plan }) => namesOf(JSON.parse(plan as string)))
    } finally {
      bindings.destroy_prepare_sync(prepared)
    }
  } catch (error) {
    work.throwIfAborted()
    throw new QueryError(
      "query() only reads, and DuckDB does not say what this statement would do.",
      { kind: "readOnly", outcome: "notRun", hint: "Use execute() for it.", cause: error },
      "READ_ONLY",
    )
  }
}

const unlimited = { maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }

interface Step {
  readonly name?: string
  readonly children?: readonly Step[]
}

function namesOf(step: Step | readonly Step[]): string[] {
  if (Array.isArray(step)) return step.flatMap(namesOf)
  const { name, children = [] } = step as Step
  return [...(name === undefined ? [] : [name.trim()]), ...children.flatMap(namesOf)]
}
