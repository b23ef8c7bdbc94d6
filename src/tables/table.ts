import type { Table as ArrowTable } from "@uwdata/flechette"
import { MooringError } from "../errors.ts"
import { bytesOf, type RawBatch } from "./batch.ts"
import { Column, rowAt } from "./column.ts"
import { fromIPC, toArrow, toIPC } from "./ipc.ts"
import { rowsToJSON } from "./json.ts"
import { preview } from "./preview.ts"
import { checkNames, RowSource } from "./rows.ts"
import { counted } from "./terminal.ts"
import { type Schema, schema as schemaOf } from "./types.ts"
import { completeValues, defaultValues, type ValueOptions } from "./values.ts"

const brand: unique symbol = Symbol.for("mooring.table@1") as never

/** Batches whose shape was checked: all views of a table share them. */
const checked = new WeakSet<object>()

/**
 * An immutable table in Apache Arrow's columnar layout. Nothing is decoded until somebody asks, and what is given out is
 * the caller's own: rows and arrays are fresh each time.
 *
 * @example
 * const pets = await conn.query("select name, age from pets")
 * for (const { name, age } of pets) console.log(name, age)
 * pets.column("age").toArray() // [3, 7, null]
 */
export class Table<Row = Record<string, unknown>> implements Iterable<Row> {
  /** A table without columns and rows: what a statement gives that returns none. */
  static readonly empty: Table<never> = new Table(schemaOf([]), [])

  readonly schema: Schema
  readonly names: readonly string[]
  readonly numRows: number
  /** In which JavaScript types values are given. */
  readonly values: Required<ValueOptions>
  private readonly batches: readonly (readonly RawBatch[])[]
  private bytes: number | undefined
  private rows: RowSource<Row> | undefined
  private made: readonly Column[] | undefined

  /**
   * @param batches for each field, its batches; the same lengths in each column.
   * @param rows how many there are, where there are no columns to say it.
   */
  constructor(schema: Schema, batches: readonly (readonly unknown[])[], values?: ValueOptions, rows = 0) {
    this.schema = schema
    this.batches = batches as readonly (readonly RawBatch[])[]
    this.values = values === undefined ? defaultValues : completeValues(values)
    this.names = schema.fields.map((field) => field.name)
    checkShape(schema, this.batches)
    this.numRows = this.batches[0]?.reduce((sum, batch) => sum + batch.length, 0) ?? rows
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    // A subclass inherits this and must be told from Table.
    return this === Table ? isTable(value) : Function.prototype[Symbol.hasInstance].call(this, value)
  }

  /** A table from the bytes of Arrow's IPC format, stream or file, without copying them where they are aligned. */
  static fromIPC<Row = Record<string, unknown>>(bytes: Uint8Array | ArrayBuffer, values?: ValueOptions): Table<Row> {
    const { schema, batches, rows } = fromIPC(bytes)
    return new Table(schema, batches, values, rows)
  }

  get numCols(): number {
    return this.names.length
  }

  // Made when first asked for: a cached table is handed out, and seen through other values, without looking at its parts.
  get columns(): readonly Column[] {
    return (this.made ??= this.schema.fields.map((field, i) => new Column(field, this.batches[i]!, this.values)))
  }

  /** Bytes of all buffers. */
  get byteLength(): number {
    return (this.bytes ??= bytesOf(this.batches.flat()))
  }

  /**
   * A column by name, the first of that name.
   *
   * @throws MooringError `BAD_VALUE` if there is none.
   */
  column<Name extends keyof Row & string>(name: Name): Column<NonNullable<Row[Name]>> {
    const column = this.getChild(name)
    if (column !== undefined) return column as Column<NonNullable<Row[Name]>>
    throw new MooringError("BAD_VALUE", `The table has no column ${JSON.stringify(name)}.`, {
      hint: `It has ${this.names.map((known) => JSON.stringify(known)).join(", ") || "none"}.`,
    })
  }

  /** A column by name, the first of that name; `undefined` if there is none. */
  getChild(name: string): Column | undefined {
    return this.columns[this.names.indexOf(name)]
  }

  /** A column by position. */
  getChildAt(index: number): Column | undefined {
    return this.columns[index]
  }

  /** A row; `undefined` beyond the last. Negative indices count from the end. */
  at(index: number): Row | undefined {
    const row = rowAt(index, this.numRows)
    if (row === undefined) return undefined
    return this.rowSource().at(row)
  }

  /** The same as {@link at}, under apache-arrow's name. */
  get(index: number): Row | undefined {
    return this.at(index)
  }

  /** @throws MooringError `BAD_VALUE` if two columns have one name. */
  *[Symbol.iterator](): Generator<Row> {
    yield* this.rowSource()
  }

  /**
   * All rows as objects.
   *
   * @throws MooringError `BAD_VALUE` if two columns have one name.
   */
  toArray(): Row[] {
    return this.rowSource().toArray()
  }

  /**
   * Each column's values under its name.
   *
   * @throws MooringError `BAD_VALUE` if two columns have one name.
   */
  toColumns(): { [Name in keyof Row]: Row[Name][] } {
    checkNames(this.names)
    const entries = this.columns.map((column) => [column.name, column.toArray()] as const)
    return Object.fromEntries(entries) as { [Name in keyof Row]: Row[Name][] }
  }

  /**
   * Rows as JSON has them; it always works. As `toArray()`, but dates are ISO 8601 text, binary is base64, NaN and
   * infinities are null (as in all JSON); integers beyond 2^53 and timestamps beyond a Date's range are their exact text;
   * the second of two columns called `id` is `id_2`.
   */
  toJSON(): Record<string, unknown>[] {
    const values = { ...this.values, misfit: "text" } as const
    const columns = this.columns.map((column) => new Column(column.field, column.batches, values))
    return columns.length === 0 ? Array.from({ length: this.numRows }, () => ({})) : rowsToJSON(columns)
  }

  /** The size and the first rows, as `console.log(table)` shows them. */
  toString(): string {
    return describe(this, 80, false)
  }

  /** The same buffers, seen through other value types. Nothing is copied. */
  withValues(values: ValueOptions): Table<Row> {
    const complete = completeValues(values, this.values)
    const same = (Object.keys(complete) as (keyof ValueOptions)[]).every((key) => complete[key] === this.values[key])
    return same ? this : new Table(this.schema, this.batches, complete, this.numRows)
  }

  /** The table in Arrow's IPC format, for apache-arrow, DuckDB, Arquero, pandas and others. */
  toIPC(options: { format?: "stream" | "file" } = {}): Uint8Array {
    return toIPC(this, options.format ?? "stream")
  }

  /** The same buffers as a table of `@uwdata/flechette`, with bigints for what is wider than 2^53. Not to be written to. */
  toArrow(): ArrowTable {
    return toArrow(this)
  }

  private rowSource(): RowSource<Row> {
    return (this.rows ??= new RowSource<Row>(this.columns, this.numRows))
  }
}

// Not on each table: there it would be part of what making one costs.
Object.defineProperty(Table.prototype, brand, { value: true })

// `console.log(table)`: the size and the first rows.
Object.defineProperty(Table.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Table, depth: number, options: { colors?: boolean; breakLength?: number }): string {
    if (depth < 0) return `[${titleOf(this)}]`
    const { breakLength = 80, colors = false } = options
    return describe(this, Number.isFinite(breakLength) ? breakLength : 80, colors)
  },
})

function describe(table: Table<unknown>, width: number, color: boolean): string {
  return `${titleOf(table)}\n${preview(table, { maxRows: 10, width, color })}`
}

function titleOf({ numRows, numCols }: Table<unknown>): string {
  return `Table: ${counted(numRows, "row")} × ${counted(numCols, "column")}`
}

/** True for a table of Mooring's, from this or another copy of the package. */
export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[brand] === true
}

function checkShape(schema: Schema, batches: readonly (readonly RawBatch[])[]): void {
  if (checked.has(batches)) return
  if (batches.length !== schema.fields.length) {
    throw new RangeError(`The schema has ${schema.fields.length} fields, but there are ${batches.length} columns.`)
  }
  const first = batches[0] ?? []
  batches.forEach((column, i) => {
    if (column.length !== first.length || column.some((batch, b) => batch.length !== first[b]!.length)) {
      const name = JSON.stringify(schema.fields[i]!.name)
      throw new RangeError(`Column ${name} is not cut into the same batches as the first column.`)
    }
  })
  // Looking at one batch a column again costs less than remembering that it was done.
  if (first.length > 1) checked.add(batches)
}
