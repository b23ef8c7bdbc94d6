import type { RawBatch } from "../batch.ts"
import { childFields, type Field } from "../types.ts"
import { offsetsOf } from "./bytes.ts"
import { badValue, type ReadContext, Reader } from "./reader.ts"

/** Lists as arrays, whatever says where they begin and end. */
export class ListReader extends Reader<unknown[]> {
  private readonly child: Reader
  private readonly start: (index: number) => number
  private readonly end: (index: number) => number

  constructor(batch: RawBatch, child: Reader, start: (index: number) => number, end: (index: number) => number) {
    super(batch)
    this.child = child
    this.start = start
    this.end = end
  }

  value(index: number): unknown[] {
    const start = this.start(index)
    const end = this.end(index)
    const out = new Array(end - start)
    this.child.fill(out, 0, start, end)
    return out
  }
}

export function listReader(batch: RawBatch, field: Field, context: ReadContext): Reader {
  const start = offsetsOf(batch.offsets)
  const child = context.child(batch.children[0]!, childFields(field.type)[0]!)
  return new ListReader(batch, child, start, (index) => start(index + 1))
}

export function listViewReader(batch: RawBatch, field: Field, context: ReadContext): Reader {
  const start = offsetsOf(batch.offsets)
  const size = offsetsOf(batch.sizes)
  const child = context.child(batch.children[0]!, childFields(field.type)[0]!)
  return new ListReader(batch, child, start, (index) => start(index) + size(index))
}

export function fixedListReader(batch: RawBatch, field: Field, stride: number, context: ReadContext): Reader {
  const child = context.child(batch.children[0]!, childFields(field.type)[0]!)
  return new ListReader(
    batch,
    child,
    (index) => index * stride,
    (index) => (index + 1) * stride,
  )
}

/**
 * Maps as arrays of `[key, value]`, in order: `new Map(pairs)` makes a Map of one, and unlike a Map it is kept whole by
 * JSON and may hold a key twice.
 */
export class MapReader extends Reader<[unknown, unknown][]> {
  private readonly start: (index: number) => number
  private readonly keys: Reader
  private readonly items: Reader

  constructor(batch: RawBatch, field: Field, context: ReadContext) {
    super(batch)
    this.start = offsetsOf(batch.offsets)
    const [key, item] = childFields(childFields(field.type)[0]!.type)
    const [keys, items] = batch.children[0]!.children
    this.keys = context.child(keys!, key!)
    this.items = context.child(items!, item!)
  }

  value(index: number): [unknown, unknown][] {
    const pairs: [unknown, unknown][] = []
    const end = this.start(index + 1)
    for (let i = this.start(index); i < end; i++) pairs.push([this.keys.at(i), this.items.at(i)])
    return pairs
  }
}

/** Structs as objects. */
export class StructReader extends Reader<Record<string, unknown>> {
  private readonly names: readonly string[]
  private readonly children: readonly Reader[]
  private readonly context: ReadContext

  constructor(batch: RawBatch, field: Field, context: ReadContext) {
    super(batch)
    const fields = childFields(field.type)
    this.names = fields.map((child) => child.name)
    this.children = fields.map((child, i) => context.child(batch.children[i]!, child))
    this.context = context
  }

  value(index: number): Record<string, unknown> {
    const { names, children } = this
    const row: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      if (Object.hasOwn(row, name)) {
        throw badValue(this.context, `two fields called ${JSON.stringify(name)} in one struct`, "Name them apart.")
      }
      setOwn(row, name, children[i]!.at(index))
    }
    return row
  }
}

/** Sets an own property, also where the name is `__proto__`. */
export function setOwn(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__") {
    Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
  } else target[name] = value
}

/** A union's rows are those of its children. */
export class UnionReader extends Reader {
  private readonly typeIds: Int8Array
  private readonly offsets: ArrayLike<number | bigint> | null
  private readonly byTypeId: readonly (Reader | undefined)[]

  constructor(batch: RawBatch, field: Field, typeIds: readonly number[], dense: boolean, context: ReadContext) {
    super(batch)
    const fields = childFields(field.type)
    const byTypeId: Reader[] = []
    typeIds.forEach((id, i) => {
      byTypeId[id] = context.child(batch.children[i]!, fields[i]!)
    })
    this.typeIds = batch.typeIds!
    this.offsets = dense ? batch.offsets : null
    this.byTypeId = byTypeId
  }

  value(index: number): unknown {
    const child = this.byTypeId[this.typeIds[index]!]!
    return child.at(this.offsets === null ? index : Number(this.offsets[index]))
  }
}

/** A dictionary's rows are keys into its values, which may be in several batches. */
export class DictionaryReader extends Reader {
  private readonly keys: ArrayLike<number | bigint>
  private readonly dictionary: readonly Reader[]
  /** Values that nobody can change, decoded once. */
  private readonly known: unknown[] = []
  private readonly context: ReadContext

  constructor(batch: RawBatch, field: Field, context: ReadContext) {
    super(batch)
    this.keys = batch.values
    this.context = context
    this.dictionary = batch.dictionary!.data.map((part) => context.child(part, field))
  }

  value(index: number): unknown {
    const key = Number(this.keys[index])
    const known = this.known[key]
    if (known !== undefined) return known
    const value = this.decode(key)
    if (typeof value !== "object") this.known[key] = value
    return value
  }

  private decode(key: number): unknown {
    let place = key
    for (const part of this.dictionary) {
      if (place < part.length) return part.at(place)
      place -= part.length
    }
    throw badValue(
      this.context,
      `the key ${key}, which its dictionary lacks`,
      "Whoever wrote these bytes made a mistake.",
    )
  }
}

/** Runs of one value: the first child says before which row each run ends. */
export class RunEndReader extends Reader {
  private readonly ends: ArrayLike<number | bigint>
  private readonly runs: Reader

  constructor(batch: RawBatch, field: Field, context: ReadContext) {
    super(batch)
    this.ends = batch.children[0]!.values
    this.runs = context.child(batch.children[1]!, childFields(field.type)[1]!)
  }

  value(index: number): unknown {
    let low = 0
    let high = this.ends.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.ends[middle]! > index) high = middle
      else low = middle + 1
    }
    return this.runs.at(low)
  }
}
