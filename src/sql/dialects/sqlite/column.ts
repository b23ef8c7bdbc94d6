import { MooringError } from "../../../errors.ts"
import type { Batch } from "../../../tables/batch.ts"
import type { BoolColumn, ColumnBuilder, FixedColumn, UnionColumn, VariableColumn } from "../../../tables/columns.ts"
import { columnBuilder } from "../../../tables/columns.ts"
import {
  arrowType,
  candidates,
  classOf,
  type Declared,
  fits,
  isExactReal,
  type Kind,
  kindOfNulls,
  type StorageClass,
  storageClasses,
} from "./kinds.ts"

/** Rows as `node:sqlite` gives them with `setReturnArrays` and `setReadBigInts`. */
export type Rows = readonly (readonly unknown[])[]

/**
 * A column that finds its Arrow type while it is read, since SQLite checks no types: the values decide, helped by the
 * declared type. A value that does not fit makes it a wider type, up to a union of the storage classes, and what was
 * read before is written anew; no value ever changes. After `fix()` such a value is an error instead.
 */
export class SqliteColumn {
  readonly name: string
  kind: Kind = "null"
  /** The members of a `mixed` column. */
  classes: readonly StorageClass[] = []
  private readonly declared: Declared
  private builder: ColumnBuilder = columnBuilder(arrowType("null", []))
  private sealed: Batch<unknown>[] = []
  private fixed = false

  constructor(name: string, declared: Declared) {
    this.name = name
    this.declared = declared
  }

  /** Bytes in use since the last `seal()`. */
  get byteLength(): number {
    return this.builder.byteLength
  }

  /** Neither a value nor a declared type has said so far what it holds. */
  get isUnsettled(): boolean {
    return this.kind === "null" && this.declared === "any"
  }

  append(rows: Rows, index: number): void {
    let done = this.take(rows, index, 0)
    while (done < rows.length) {
      this.widen(rows[done]![index])
      done = this.take(rows, index, done)
    }
  }

  /** Ends a batch. */
  seal(): void {
    this.sealed.push(this.builder.finish())
  }

  /** Gives the batches that were sealed, and forgets them. */
  takeBatches(): Batch<unknown>[] {
    const batches = this.sealed
    this.sealed = []
    return batches
  }

  /** Settles the type: from here on it is the same for all batches, unless it may still be widened. */
  fix(mayWiden = false): void {
    if (this.kind === "null") this.rewrite([...this.sealed, this.builder.finish()], kindOfNulls(this.declared), [])
    this.fixed = !mayWiden
  }

  /** Appends rows from `start` on; gives the first that does not fit. */
  private take(rows: Rows, index: number, start: number): number {
    switch (this.kind) {
      case "integer":
      case "real":
        return this.takeNumbers(rows, index, start, this.kind === "integer")
      case "text":
        return this.takeText(rows, index, start)
      default:
        return this.takeOthers(rows, index, start)
    }
  }

  private takeNumbers(rows: Rows, index: number, start: number, integers: boolean): number {
    const builder = this.builder as FixedColumn
    builder.reserve(rows.length - start)
    const values = builder.values as BigInt64Array & Float64Array
    const validity = new Uint8Array((rows.length - start + 7) >> 3).fill(255)
    const wanted = integers ? "bigint" : "number"
    let place = builder.length
    let row = start
    for (; row < rows.length; row++, place++) {
      const value = rows[row]![index]
      if (typeof value === wanted) values[place] = value as never
      else if (value === null) validity[(row - start) >> 3]! &= ~(1 << ((row - start) & 7))
      else if (!integers && typeof value === "bigint" && isExactReal(value)) values[place] = Number(value) as never
      else break
    }
    builder.commit(row - start, validity)
    return row
  }

  private takeText(rows: Rows, index: number, start: number): number {
    const builder = this.builder as VariableColumn
    let row = start
    for (; row < rows.length; row++) {
      const value = rows[row]![index]
      if (typeof value === "string") builder.appendString(value)
      else if (value === null) builder.appendNull()
      else break
    }
    return row
  }

  private takeOthers(rows: Rows, index: number, start: number): number {
    const { builder, kind, declared } = this
    for (let row = start; row < rows.length; row++) {
      const value = rows[row]![index]
      if (value === null) builder.appendNull()
      else if (kind === "mixed" ? !this.classes.includes(classOf(value)) : !fits(kind, declared, value)) return row
      else this.put(value)
    }
    return rows.length
  }

  /** Appends one value that fits. */
  private put(value: unknown): void {
    const { builder } = this
    switch (this.kind) {
      case "boolean":
        ;(builder as BoolColumn).append(value === 1n)
        break
      case "integer":
        ;(builder as FixedColumn).append(value as bigint)
        break
      case "real":
        ;(builder as FixedColumn).append(Number(value))
        break
      case "blob":
        ;(builder as VariableColumn).append(value as Uint8Array)
        break
      case "mixed":
        this.putMixed(value)
        break
      default:
        ;(builder as VariableColumn).appendString(String(value))
    }
  }

  private putMixed(value: unknown): void {
    const union = this.builder as UnionColumn
    const member = this.classes.indexOf(classOf(value))
    union.children.forEach((child, i) => {
      if (i !== member) child.appendNull()
      else if (typeof value === "string") (child as VariableColumn).appendString(value)
      else if (typeof value === "object") (child as VariableColumn).append(value as Uint8Array)
      else (child as FixedColumn).append(value as number | bigint)
    })
    union.append(member)
  }

  private widen(value: unknown): void {
    if (this.fixed) throw this.misfit(value)
    if (this.kind === "null" && this.sealed.length === 0) {
      this.begin(candidates(this.declared, value).find((kind) => fits(kind, this.declared, value))!)
      return
    }
    const batches = [...this.sealed, this.builder.finish()]
    for (const kind of candidates(this.declared, value)) {
      if (!fits(kind, this.declared, value) || !this.allFit(batches, kind)) continue
      this.rewrite(batches, kind, [])
      return
    }
    const found = new Set<StorageClass>([classOf(value)])
    for (const batch of batches) for (const old of this.valuesOf(batch)) if (old !== null) found.add(classOf(old))
    const classes = storageClasses.filter((name) => found.has(name))
    this.rewrite(batches, "mixed", classes)
  }

  /** The first value after nothing but NULLs: the shortcut of most columns. */
  private begin(kind: Kind): void {
    const nulls = this.builder.length
    this.kind = kind
    this.builder = columnBuilder(arrowType(kind, []))
    if (nulls > 0) this.builder.appendNull(nulls)
  }

  private allFit(batches: readonly Batch<unknown>[], kind: Kind): boolean {
    for (const batch of batches) {
      for (const value of this.valuesOf(batch)) if (value !== null && !fits(kind, this.declared, value)) return false
    }
    return true
  }

  /** Writes what was read as another kind; the last of the batches is open again. */
  private rewrite(batches: readonly Batch<unknown>[], kind: Kind, classes: readonly StorageClass[]): void {
    const restore = restorer(this.kind, this.declared)
    this.kind = kind
    this.classes = classes
    this.builder = columnBuilder(arrowType(kind, classes))
    this.sealed = []
    batches.forEach((batch, i) => {
      if (i > 0) this.seal()
      for (const value of restored(batch, restore)) {
        if (value === null) this.builder.appendNull()
        else this.put(value)
      }
    })
  }

  /** What was read, as it came from SQLite. */
  private valuesOf(batch: Batch<unknown>): Iterable<unknown> {
    return restored(batch, restorer(this.kind, this.declared))
  }

  private misfit(value: unknown): MooringError {
    const found = classOf(value).toUpperCase()
    const name = JSON.stringify(this.name)
    const type = this.kind === "mixed" ? this.classes.join(" or ").toUpperCase() : this.kind.toUpperCase()
    return new MooringError("BAD_VALUE", `Column ${name} began as ${type} and then holds ${found}.`, {
      hint: "A stream has one type for each column: cast it in the statement (cast(… as text)), or use query().",
    })
  }
}

function* restored(batch: Batch<unknown>, restore: (value: unknown) => unknown): Generator<unknown> {
  for (let i = 0; i < batch.length; i++) {
    const value = batch.at(i)
    yield value === null ? null : restore(value)
  }
}

/** From what a column holds back to what SQLite gave. */
function restorer(kind: Kind, declared: Declared): (value: unknown) => unknown {
  if (kind === "boolean") return (value) => (value ? 1n : 0n)
  // In a column of NUMERIC affinity there is no 2.0, only 2, and no text that is a number.
  if (kind === "real" && declared === "numeric") return wholeAsInteger
  if (kind === "json") return (value) => (/^-?\d/.test(value as string) ? numberOf(value as string) : value)
  return (value) => value
}

function wholeAsInteger(value: unknown): unknown {
  return Number.isSafeInteger(value) ? BigInt(value as number) : value
}

function numberOf(text: string): number | bigint {
  const integer = /^-?\d+$/.test(text) ? BigInt(text) : undefined
  return integer !== undefined && BigInt.asIntN(64, integer) === integer ? integer : Number(text)
}
