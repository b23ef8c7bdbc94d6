import { type MooringError, QueryError } from "../../../errors.ts"
import { duckdbSyntax } from "../../syntaxes.ts"
import { blankEnd, wordEnd } from "../../tokens.ts"
import { bindValues, checkAllUsed } from "./bind.ts"
import type { Bindings, ConnectionHandle, PreparedHandle } from "./driver.ts"
import { messageOf } from "./failures.ts"
import type { Work } from "./work.ts"

/** What it takes to make the driver's statements out of text. */
export interface StatementContext {
  readonly bindings: Bindings
  readonly connection: ConnectionHandle
  readonly work: Work
}

/** A statement that is ready to run; give it back with `destroy_prepare_sync`. */
export interface Ready {
  readonly prepared: PreparedHandle
  /** DuckDB's name for the kind of statement. */
  readonly type: string
}

/** Where a statement's first word begins. */
export function afterBlanks(text: string, start = 0): number {
  let at = start
  for (;;) {
    const end = blankEnd(text, at, duckdbSyntax)
    if (text[end] !== ";") return end
    at = end + 1
  }
}

function isWord(text: string, at: number, word: string): boolean {
  return text.slice(at, wordEnd(text, at)).toLowerCase() === word
}

/** Prepares one statement for reading and binds its values, inside a read-only transaction. */
export async function prepareReading(
  context: StatementContext,
  text: string,
  values: readonly unknown[],
  checkSelect: (select: string) => Promise<void>,
): Promise<Ready> {
  // To prepare an EXPORT makes its folder: this one is refused before.
  if (isWord(text, afterBlanks(text), "export")) throw readOnly("EXPORT")
  const ready = (await prepareSingle(context, text)) ?? (await preparePivot(context, text, values))
  return finish(context, ready, values, async () => {
    await checkSelect(await checkReads(context, text, ready.type))
  })
}

/** Prepares a statement and binds its values. Of several, runs all but the last. */
export async function prepareRunning(
  context: StatementContext,
  text: string,
  values: readonly unknown[],
): Promise<Ready> {
  const single = await prepareSingle(context, text)
  if (single !== undefined) return finish(context, single, values)
  const { bindings, connection, work } = context
  const used = new Set<number>()
  const { extracted, count } = await extract(context, text)
  for (let i = 0; ; i++) {
    const prepared = await work.call(() => bindings.prepare_extracted_statement(connection, extracted, i))
    try {
      for (const index of await bindValues(bindings, prepared, values, work)) used.add(index)
      if (i === count - 1) {
        checkAllUsed(used, values)
        // Several statements may have changed anything.
        return { prepared, type: "MULTI" }
      }
      await work.call(() => bindings.execute_prepared(prepared))
    } catch (error) {
      bindings.destroy_prepare_sync(prepared)
      throw error
    }
    bindings.destroy_prepare_sync(prepared)
  }
}

async function finish(
  { bindings, work }: StatementContext,
  ready: Ready,
  values: readonly unknown[],
  check?: () => Promise<void>,
): Promise<Ready> {
  try {
    await check?.()
    checkAllUsed(await bindValues(bindings, ready.prepared, values, work), values)
    return ready
  } catch (error) {
    bindings.destroy_prepare_sync(ready.prepared)
    throw error
  }
}

/** Undefined where the text is several statements to DuckDB. */
async function prepareSingle(context: StatementContext, text: string): Promise<Ready | undefined> {
  const { bindings, connection, work } = context
  try {
    const prepared = await work.call(() => bindings.prepare(connection, text))
    return { prepared, type: String(bindings.StatementType[bindings.prepared_statement_type(prepared)]) }
  } catch (error) {
    if (messageOf(error).includes("Cannot prepare multiple statements")) return undefined
    if (!messageOf(error).includes("No statement to prepare")) throw error
    throw new QueryError("The statement is empty.", { kind: "syntax", outcome: "notRun" })
  }
}

async function extract({ bindings, connection, work }: StatementContext, text: string) {
  const { extracted_statements: extracted, statement_count: count } = await work.call(() =>
    bindings.extract_statements(connection, text),
  )
  if (count === 0) throw new Error(bindings.extract_statements_error(extracted))
  return { extracted, count }
}

/**
 * A `PIVOT` whose columns are not listed is several statements: one for each enumeration of the columns' names, which
 * are temporary types, then the query that needs them. Everything else that is several statements is refused.
 */
async function preparePivot(context: StatementContext, text: string, values: readonly unknown[]): Promise<Ready> {
  const { bindings, connection, work } = context
  const { extracted, count } = await extract(context, text)
  // Each can be prepared once only, so all but the last have run before anything is known of the last.
  for (let i = 0; i < count - 1; i++) {
    const prepared = await work.call(() => bindings.prepare_extracted_statement(connection, extracted, i))
    try {
      if (statementType(bindings, prepared) !== "CREATE") throw several()
      await bindValues(bindings, prepared, values, work)
      await work.call(() => bindings.execute_prepared(prepared))
      if ((await countPivotTypes(context)) !== i + 1) throw several()
    } finally {
      bindings.destroy_prepare_sync(prepared)
    }
  }
  const prepared = await work.call(() => bindings.prepare_extracted_statement(connection, extracted, count - 1))
  return { prepared, type: statementType(bindings, prepared) }
}

async function countPivotTypes({ bindings, connection, work }: StatementContext): Promise<number> {
  const text = "select 1 from duckdb_types() where type_name like '\\_\\_pivot\\_enum\\_%' escape '\\'"
  return bindings.row_count(await work.call(() => bindings.query(connection, text)))
}

function statementType(bindings: Bindings, prepared: PreparedHandle): string {
  return String(bindings.StatementType[bindings.prepared_statement_type(prepared)])
}

/**
 * What an `EXPLAIN` may explain: what stands behind `analyze` and behind options in parentheses. The parentheses may also
 * be those of the statement.
 */
export function explained(text: string): string[] {
  let at = afterBlanks(text)
  if (!isWord(text, at, "explain")) return [text]
  at = blankEnd(text, wordEnd(text, at), duckdbSyntax)
  if (isWord(text, at, "analyze") || isWord(text, at, "analyse")) at = blankEnd(text, wordEnd(text, at), duckdbSyntax)
  const options = /^\([^()]*\)/.exec(text.slice(at))
  return options === null ? [text.slice(at)] : [text.slice(at + options[0].length), text.slice(at)]
}

/**
 * A read-only transaction stops what writes to a database. It does not stop COPY … TO, EXPORT, ATTACH, SET and
 * temporary tables, so only statements that read may run: DuckDB's own word for the kind of statement decides.
 *
 * @returns the SELECT, without the EXPLAIN in front of it.
 */
async function checkReads(context: StatementContext, text: string, type: string): Promise<string> {
  if (type === "SELECT") return text
  if (type !== "EXPLAIN") throw readOnly(type)
  // EXPLAIN ANALYZE runs what it explains, and DuckDB says no more of it than EXPLAIN.
  const { bindings, connection, work } = context
  for (const candidate of explained(text)) {
    const prepared = await work
      .call(() => bindings.prepare(connection, candidate))
      .catch((error) => {
        if (/^(Parser Error|Invalid Input Error: No statement)/.test(messageOf(error))) return undefined
        throw error
      })
    if (prepared === undefined) continue
    const found = statementType(bindings, prepared)
    bindings.destroy_prepare_sync(prepared)
    if (found !== "SELECT") throw readOnly(`EXPLAIN of ${found}`)
    return candidate
  }
  throw readOnly("EXPLAIN")
}

export function readOnly(type: string): QueryError {
  return new QueryError(
    `query() only reads, and DuckDB calls this statement ${type}.`,
    {
      kind: "readOnly",
      outcome: "notRun",
      hint: "Use execute(), or a session, for statements that change something.",
    },
    "READ_ONLY",
  )
}

function several(): MooringError {
  return new QueryError(
    "query() runs one statement, and this text holds several.",
    { kind: "readOnly", outcome: "notRun", hint: "Call query() for each, or use execute(), which runs them all." },
    "READ_ONLY",
  )
}
