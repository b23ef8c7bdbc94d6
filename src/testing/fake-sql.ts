import { MooringError } from "../errors.ts"
import type {
  Database,
  Dialect,
  DriverConnection,
  RecordStream,
  RunResult,
  SqlOptions,
  Statement,
} from "../sql/index.ts"
import { scan } from "../sql/scan.ts"
import { ansiSyntax } from "../sql/syntax.ts"
import { isTable, Table, tableFromRows } from "../tables/index.ts"
import { didYouMean } from "../util/suggest.ts"

/** What a fake answers: rows, a table, an error to throw, or a function of the values by position. */
export type FakeAnswer =
  | readonly object[]
  | Table
  | Error
  | { readonly rowCount: number; readonly lastInsertId?: number | bigint }
  | ((values: readonly unknown[]) => FakeAnswer | Promise<FakeAnswer>)

/** Options of a SQL connection whose database is the fake. */
export type FakeSql = SqlOptions & { readonly type: "sql" }

/**
 * A SQL connection that answers from a list, for `withConnections`. All else is real: params are bound, results are
 * tables, `ttl` caches, sessions begin and commit. A statement that is not in the list is an error that names the
 * nearest one.
 *
 * @param answers by statement; white space does not count, and placeholders stay as the program writes them.
 * @example
 * fakeSql({
 *   "select * from owners where pet = :pet": ([pet]) => [{ name: "Ada", pet }],
 *   "delete from owners": { rowCount: 3 },
 * })
 */
export function fakeSql(answers: Readonly<Record<string, FakeAnswer>>): FakeSql {
  return { type: "sql", dialect: fakeDialect(answers) }
}

function fakeDialect(answers: Readonly<Record<string, FakeAnswer>>): Dialect {
  const dialect: Dialect = {
    name: "fake",
    aliases: [],
    capabilities: { arrays: true, errorAbortsTransaction: false },
    syntax: ansiSyntax,
    settings: {},
    types: {},
    source: () => ({ label: "a fake", identity: {}, local: true, ephemeral: true }),
    open: async () => database,
    begin: () => ["BEGIN"],
    classify: () => ({ action: "fatal", kind: "other" }),
  }
  const known = new Map(Object.entries(answers).map(([text, answer]) => [keyOf(text), { text, answer }]))
  const answerTo = async ({ text, values }: Statement): Promise<RunResult> => {
    if (/^(begin|commit|rollback|savepoint|release)\b/i.test(text)) return { table: Table.empty, rowCount: 0 }
    const found = known.get(squeeze(text))
    if (!found)
      throw unknownStatement(
        text,
        [...known.values()].map((each) => each.text),
      )
    return toResult(found.answer, values)
  }
  const connection: DriverConnection = {
    raw: undefined,
    usable: true,
    run: answerTo,
    stream: async (statement) => streamOf((await answerTo(statement)).table),
    ping: async () => undefined,
    reset: async () => undefined,
    close: async () => undefined,
  }
  const database: Database = {
    engine: undefined,
    connect: async () => ({ ...connection }),
    close: async () => undefined,
  }
  return dialect
}

/** One spelling of a statement: placeholders are `?`, runs of white space one space, an expanded list one place. */
function keyOf(text: string): string {
  const { pieces } = scan(text, ansiSyntax, "named")
  return squeeze(pieces.join("?"))
}

function squeeze(text: string): string {
  const spaced = text.trim().replace(/;$/, "").replace(/\s+/g, " ")
  return spaced.replace(/\bin \(\?(?:, \?)*\)/gi, "in ?")
}

async function toResult(answer: FakeAnswer, values: readonly unknown[]): Promise<RunResult> {
  if (typeof answer === "function") return toResult(await answer(values), values)
  if (answer instanceof Error) throw answer
  if (isTable(answer)) return { table: answer, rowCount: answer.numRows }
  if (Array.isArray(answer)) return { table: tableFromRows(answer), rowCount: answer.length }
  return { table: Table.empty, ...(answer as { rowCount: number }) }
}

function streamOf(table: Table): RecordStream {
  return {
    schema: table.schema,
    async *[Symbol.asyncIterator]() {
      if (table.numRows > 0) yield table
    },
  }
}

function unknownStatement(text: string, known: readonly string[]): MooringError {
  return new MooringError("BAD_PARAMS", `The fake has no answer to: ${text}`, {
    hint: `${didYouMean(text, known)} It answers: ${known.join("; ") || "nothing"}.`.trim(),
  })
}
