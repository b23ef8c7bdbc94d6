import { type Command, InvalidArgumentError, Option } from "commander"
import {
  connection,
  type Format,
  formats,
  isMooringError,
  MooringError,
  QueryError,
  type SQLConnection,
  type Table,
  type TableSource,
  write,
} from "../../index.ts"
import { asCalled, commandName } from "../command-name.ts"
import { CommandError, UsageError } from "../errors.ts"
import { interrupted } from "../interrupt.ts"
import { type Destination, destinationOf, send } from "../output.ts"
import { collectParam, type Params } from "../params.ts"
import { hasColors, printNote } from "../print.ts"
import { ProgressLine } from "../progress.ts"
import { readSql } from "../sql-text.ts"

interface Options {
  readonly param?: Params
  readonly format?: Format
  readonly out?: string
  readonly ttl?: string
  readonly maxRows?: number
  readonly timeout?: string
}

export function define(command: Command): void {
  command
    .description("Reads rows. The database itself refuses statements that would change something.")
    .argument("<name>", "the connection, a section [connections.<name>]")
    .argument("[sql]", "the statement; @FILE reads it from a file, - or nothing from stdin")
    .optionsGroup("Statement:")
    .option("-p, --param <name=text>", "bind :name to a text, or with name:=json to a typed value", collectParam)
    .option("--timeout <duration>", "give up after so long, as 30s or 1m30s; covers connecting too")
    .option("--max-rows <number>", "fail if there are more rows", positive)
    .option("--ttl <duration>", "accept a kept result of this age, as 10m; without it the database is asked")
    .optionsGroup("Output:")
    .addOption(
      new Option(
        "-f, --format <format>",
        "default: the file's ending, else table on a terminal, ndjson in a pipe",
      ).choices(formats),
    )
    .option("-o, --out <file>", "write to a file; it appears when all rows are in it")
    .action(query)
    .addHelpText("after", asCalled(help))
}

/** Of a table on a terminal. */
const shownRows = 40

const help = `
Examples:
  mooring query pets "select * from owners"
  mooring query pets "select * from owners where name = :name" --param name=Ada
  mooring query pets "select * from owners where id = :id" --param id:=7
  mooring query pets @report.sql --out report.parquet
  mooring query pets "select * from owners" | jq .name
  echo "select 42" | mooring query pets -

A parameter name=text is text, also where it looks like a number; name:=json is a
number, true, false, null or a list, as name:=[1,2]. On a terminal, a table shows the
first ${shownRows} rows; every other format, a file and a pipe get all of them.
Formats: table, json (one array), ndjson (a line each), csv, markdown, arrow (an IPC
stream), parquet (needs the package parquet-wasm).`

async function query(name: string, sql: string | undefined, options: Options): Promise<void> {
  const text = await readSql(sql)
  const destination = destinationOf(options.format, options.out)
  const made = await sqlConnection(name)
  const began = performance.now()
  const progress = new ProgressLine(name)
  const stop = () => progress.stop()
  interrupted.addEventListener("abort", stop)
  try {
    const source = await open(made, text, options, destination.format, progress)
    const counted = new Counted(source, progress)
    await send(write(counted.source, destination.format, tableLook(destination)), destination, stop)
    progress.stop()
    const seconds = `${((performance.now() - began) / 1000).toFixed(2)} s`
    const rows = `${counted.rows.toLocaleString("en-US")} row${counted.rows === 1 ? "" : "s"}`
    if (destination.path !== undefined) printNote(`${rows} written to ${destination.path} in ${seconds}`)
    else if (destination.isTerminal) printNote(`${rows} in ${seconds}`)
  } catch (error) {
    if (isMooringError(error, "READ_ONLY")) throw onlyReads(error)
    throw options.param === undefined ? withoutParam(error, text) : error
  } finally {
    interrupted.removeEventListener("abort", stop)
    progress.stop()
  }
}

/** The library's own hint is about its methods. */
function onlyReads({ message, connection, cause }: MooringError): MooringError {
  const hint = `${commandName()} query only reads. Change data with execute() or a session, in a program.`
  return new MooringError("READ_ONLY", message, { hint, cause, ...(connection !== undefined && { connection }) })
}

/** Without parameters a statement goes to the database as it is, which knows nothing of `:name`. */
function withoutParam(error: unknown, text: string): unknown {
  const [, name] = /(?:^|[\s(,=<>+*/|-]):([A-Za-z_]\w*)/.exec(text) ?? []
  if (name === undefined || !isMooringError(error)) return error
  // Some databases leave it to Mooring to find that values are missing; its hint is about a program's params.
  const isMissing = error.code === "BAD_PARAMS"
  if (!isMissing && !(error instanceof QueryError)) return error
  const { message, cause } = error
  const hint = isMissing ? undefined : error.hint
  const advice = `If :${name} is a parameter, give it a value: --param ${name}=text`
  return new CommandError(message, hint === undefined ? advice : `${hint}\n${advice}`, undefined, { cause })
}

async function sqlConnection(name: string): Promise<SQLConnection> {
  // Lazy, so that the query's own timeout covers connecting.
  const made = await connection<SQLConnection>(name, { lazy: true, signal: interrupted })
  if (typeof made.query === "function") return made
  throw new UsageError(
    `Connection "${name}" is a ${made.constructor.name}, which has no query().`,
    `${commandName()} test ${name} looks at connections of every kind.`,
  )
}

/** What a stream's formats read batch by batch, unless an option asks for what only a whole result has. */
const streamed: ReadonlySet<Format> = new Set(["json", "ndjson", "csv", "arrow"])

async function open(
  made: SQLConnection,
  text: string,
  { param, ttl, maxRows, timeout }: Options,
  format: Format,
  progress: ProgressLine,
): Promise<Table | TableSource> {
  const common = {
    signal: interrupted,
    ...(param !== undefined && { params: param }),
    ...(timeout !== undefined && { timeout }),
  }
  if (streamed.has(format) && ttl === undefined && maxRows === undefined && typeof made.stream === "function") {
    return made.stream(text, common)
  }
  return made.query(text, {
    ...common,
    // Whoever looks by hand wants what is there now, whatever programs may keep.
    ttl: ttl ?? 0,
    ...(maxRows !== undefined && { maxRows }),
    onProgress: (state) => progress.update(state),
  })
}

/** Rows on their way out, counted. */
class Counted {
  readonly source: Table | TableSource
  rows = 0

  constructor(source: Table | TableSource, progress: ProgressLine) {
    if (!(Symbol.asyncIterator in source)) {
      this.rows = source.numRows
      this.source = source
      return
    }
    const count = async function* (this: Counted) {
      for await (const table of source) {
        this.rows += table.numRows
        progress.update({ rows: this.rows })
        yield table
      }
    }
    this.source = {
      get schema() {
        return source.schema
      },
      [Symbol.asyncIterator]: () => count.call(this),
      [Symbol.asyncDispose]: async () => source[Symbol.asyncDispose]?.(),
    }
  }
}

function tableLook({ isTerminal }: Destination): { maxRows?: number; width?: number; color?: boolean } {
  if (!isTerminal) return {}
  return { maxRows: shownRows, width: process.stdout.columns ?? 80, color: hasColors(process.stdout) }
}

function positive(text: string): number {
  const number = Number(text.replaceAll("_", ""))
  if (Number.isInteger(number) && number > 0) return number
  throw new InvalidArgumentError("It is a whole number above 0.")
}
