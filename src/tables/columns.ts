import { Column as ArrowColumn, type DataType, type Field, type Schema, Type, utf8 } from "@uwdata/flechette"
import { MooringError } from "../errors.ts"
import type { Batch } from "./batch.ts"
import { BoolColumn, NullColumn } from "./columns/bits.ts"
import { FixedColumn } from "./columns/fixed.ts"
import { DictionaryColumn, FixedListColumn, ListColumn, StructColumn, UnionColumn } from "./columns/nested.ts"
import { VariableColumn } from "./columns/variable.ts"
import { Table } from "./table.ts"
import { typeName } from "./types.ts"

export {
  BoolColumn,
  DictionaryColumn,
  FixedColumn,
  FixedListColumn,
  ListColumn,
  NullColumn,
  StructColumn,
  UnionColumn,
  VariableColumn,
}

/**
 * A growing column: appended to row by row or chunk by chunk, straight into the buffers that the table will have. Buffers
 * grow by doubling and are trimmed once, at `finish()`.
 */
export interface ColumnBuilder {
  readonly type: DataType
  /** Rows in the present batch. */
  readonly length: number
  /** Bytes in use in the present batch. */
  readonly byteLength: number
  appendNull(count?: number): void
  /** The rows so far as a batch; the builder begins anew, with room for as many. */
  finish(): Batch<unknown>
}

/** The builder for a type. Dictionaries have their own: {@link DictionaryColumn}. */
export function columnBuilder(type: DataType): ColumnBuilder {
  switch (type.typeId) {
    case Type.Null:
      return new NullColumn()
    case Type.Bool:
      return new BoolColumn()
    case Type.Utf8:
    case Type.Binary:
      return new VariableColumn(type)
    case Type.List:
    case Type.Map:
      return new ListColumn(type, columnBuilder(type.children[0].type))
    case Type.FixedSizeList:
      return new FixedListColumn(type, columnBuilder(type.children[0]!.type))
    case Type.Struct:
      return new StructColumn(type, columnBuilders(type.children))
    case Type.Union:
      return new UnionColumn(type, columnBuilders(type.children))
    case Type.Int:
    case Type.Float:
    case Type.Decimal:
    case Type.Date:
    case Type.Time:
    case Type.Timestamp:
    case Type.Duration:
    case Type.Interval:
    case Type.FixedSizeBinary:
      return new FixedColumn(type)
    default:
      throw new MooringError("UNSUPPORTED", `Mooring does not build columns of type ${typeName(type)}.`)
  }
}

function columnBuilders(fields: readonly Field[]): ColumnBuilder[] {
  return fields.map((field) => columnBuilder(field.type))
}

/** The values of a dictionary, for {@link DictionaryColumn}. */
export function dictionaryValues(values: Iterable<string>): ArrowColumn<string> {
  const column = new VariableColumn(utf8())
  for (const value of values) column.appendString(value)
  return new ArrowColumn([column.finish()], column.type) as ArrowColumn<string>
}

/**
 * Builds a table: append the same number of rows to each of `columns`, then say so with `endRows()`.
 *
 * @example
 * const builder = new TableBuilder(schema([field("id", int32()), field("name", utf8())]))
 * const [id, name] = builder.columns as [FixedColumn, VariableColumn]
 * id.append(1), name.appendString("Ada"), builder.endRows(1)
 * builder.finish().toArray() // [{ id: 1, name: "Ada" }]
 */
export class TableBuilder {
  readonly schema: Schema
  readonly columns: readonly ColumnBuilder[]
  private readonly batches: Batch<unknown>[][]
  private readonly batchRows: number
  private readonly batchBytes: number
  private sealedRows = 0
  private sealedBytes = 0
  private openRows = 0

  /**
   * @param options.columns builders of the caller's own, in the schema's order (dictionaries need it).
   * @param options.batchRows a batch ends after about so many rows, so that no buffer is ever copied at full size.
   * @param options.batchBytes a batch ends when a column has so many bytes, long before 32-bit offsets end.
   */
  constructor(
    schema: Schema,
    options: { columns?: readonly ColumnBuilder[]; batchRows?: number; batchBytes?: number } = {},
  ) {
    this.schema = schema
    this.columns = options.columns ?? schema.fields.map((field) => columnBuilder(field.type))
    this.batches = this.columns.map(() => [])
    this.batchRows = options.batchRows ?? 131_072
    this.batchBytes = options.batchBytes ?? 2 ** 30
  }

  get numRows(): number {
    return this.sealedRows + this.openRows
  }

  /** Bytes in use. Looks at each column: ask once a chunk, not once a row. */
  get byteLength(): number {
    return this.columns.reduce((sum, column) => sum + column.byteLength, this.sealedBytes)
  }

  /** Says that each column has `count` rows more. Call it after each chunk, or each row. */
  endRows(count: number): void {
    this.openRows += count
    if (this.openRows >= this.batchRows || this.isLarge()) this.seal()
  }

  /** @param schema where a column's type is known only after its rows. */
  finish(schema: Schema = this.schema): Table {
    if (this.openRows > 0) this.seal()
    return new Table(schema, this.batches, undefined, this.sealedRows)
  }

  private isLarge(): boolean {
    for (const column of this.columns) if (column.byteLength >= this.batchBytes) return true
    return false
  }

  private seal(): void {
    this.sealedBytes = this.byteLength
    this.columns.forEach((column, i) => {
      if (column.length !== this.openRows) {
        const name = JSON.stringify(this.schema.fields[i]?.name)
        throw new RangeError(`Column ${name} has ${column.length} rows where the table has ${this.openRows}.`)
      }
      this.batches[i]!.push(column.finish())
    })
    this.sealedRows += this.openRows
    this.openRows = 0
  }
}
