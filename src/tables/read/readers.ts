import { type DataType, Type } from "@uwdata/flechette"
import { MooringError } from "../../errors.ts"
import type { RawBatch } from "../batch.ts"
import { extensionOf, type Field, integerExtension, jsonExtension } from "../types.ts"
import type { ReadValues } from "../values.ts"
import { BinaryReader, FixedSpans, OffsetSpans, OffsetTextReader, TextReader, ViewSpans } from "./bytes.ts"
import { DecimalReader, decimalIntegers } from "./decimals.ts"
import { JsonReader } from "./json.ts"
import {
  DictionaryReader,
  fixedListReader,
  listReader,
  listViewReader,
  MapReader,
  RunEndReader,
  StructReader,
  UnionReader,
} from "./nested.ts"
import {
  BigIntReader,
  BoolReader,
  DirectReader,
  Float16Reader,
  Float32TextReader,
  Int64Reader,
  int64Of,
  NullReader,
} from "./numbers.ts"
import type { ReadContext, Reader } from "./reader.ts"
import { DateReader, DurationReader, IntervalReader, TimeReader, TimestampReader } from "./temporal.ts"

type TypeId = DataType["typeId"]
type OfType<Id extends TypeId> = Extract<DataType, { typeId: Id }>
type MakeReader<Id extends TypeId> = (batch: RawBatch, type: OfType<Id>, context: ReadContext) => Reader

/** The reader of each Arrow type. Total: a type that Arrow adds does not compile until it is here. */
const readers: { [Id in TypeId]: MakeReader<Id> } = {
  [Type.Dictionary]: (batch, type, context) =>
    new DictionaryReader(batch, { ...context.field, name: "", type: type.dictionary }, context),
  [Type.NONE]: (_, type) => unknownType(type),
  [Type.Null]: (batch) => new NullReader(batch),
  [Type.Int]: (batch, type, context) => {
    if (type.bitWidth < 64) return new DirectReader(batch)
    return context.values.bigint === "number"
      ? new Int64Reader(batch, type.signed, context)
      : new BigIntReader(batch, int64Of(batch, type.signed), context)
  },
  [Type.Float]: (batch, type, context) => {
    if (type.precision === 0) return new Float16Reader(batch)
    const short = type.precision === 1 && context.values.misfit === "text"
    return short ? new Float32TextReader(batch) : new DirectReader(batch)
  },
  [Type.Binary]: (batch) => new BinaryReader(batch, new OffsetSpans(batch)),
  [Type.LargeBinary]: (batch) => new BinaryReader(batch, new OffsetSpans(batch)),
  [Type.BinaryView]: (batch) => new BinaryReader(batch, new ViewSpans(batch)),
  [Type.FixedSizeBinary]: (batch, type) => new BinaryReader(batch, new FixedSpans(batch, type.stride)),
  [Type.Utf8]: (batch, _, context) => text(batch, new OffsetTextReader(batch, context.column), context),
  [Type.LargeUtf8]: (batch, _, context) => text(batch, new OffsetTextReader(batch, context.column), context),
  [Type.Utf8View]: (batch, _, context) =>
    text(batch, new TextReader(batch, new ViewSpans(batch), context.column), context),
  [Type.Bool]: (batch) => new BoolReader(batch),
  [Type.Decimal]: (batch, type, context) =>
    extensionOf(context.field) === integerExtension
      ? new BigIntReader(batch, decimalIntegers(batch, type.bitWidth), context)
      : new DecimalReader(batch, type.bitWidth, type.scale, context.values.decimal),
  [Type.Date]: (batch, type, context) => new DateReader(batch, type.unit, context),
  [Type.Time]: (batch, type) => new TimeReader(batch, type.unit, type.bitWidth),
  [Type.Timestamp]: (batch, type, context) => new TimestampReader(batch, type.unit, type.timezone, context),
  [Type.Interval]: (batch, type) => new IntervalReader(batch, type.unit),
  [Type.Duration]: (batch, type) => new DurationReader(batch, type.unit),
  [Type.List]: (batch, _, context) => listReader(batch, context.field, context),
  [Type.LargeList]: (batch, _, context) => listReader(batch, context.field, context),
  [Type.ListView]: (batch, _, context) => listViewReader(batch, context.field, context),
  [Type.LargeListView]: (batch, _, context) => listViewReader(batch, context.field, context),
  [Type.FixedSizeList]: (batch, type, context) => fixedListReader(batch, context.field, type.stride, context),
  [Type.Struct]: (batch, _, context) => new StructReader(batch, context.field, context),
  [Type.Map]: (batch, _, context) => new MapReader(batch, context.field, context),
  [Type.Union]: (batch, type, context) => new UnionReader(batch, context.field, type.typeIds, type.mode === 1, context),
  [Type.RunEndEncoded]: (batch, _, context) => new RunEndReader(batch, context.field, context),
}

/** The reader of one batch of a column. */
export function reader(batch: RawBatch, field: Field, values: ReadValues): Reader {
  return readerOf(batch, field, values, JSON.stringify(field.name))
}

function readerOf(batch: RawBatch, field: Field, values: ReadValues, column: string): Reader {
  const context: ReadContext = {
    values,
    column,
    field,
    child: (part, of) => readerOf(part, of, values, of.name === "" ? column : `${column}.${JSON.stringify(of.name)}`),
  }
  const make = readers[field.type.typeId] as MakeReader<TypeId> | undefined
  return make === undefined ? unknownType(field.type) : make(batch, field.type as never, context)
}

function text(batch: RawBatch, reader: Reader, context: ReadContext): Reader {
  return extensionOf(context.field) === jsonExtension ? new JsonReader(batch, reader, context) : reader
}

function unknownType(type: DataType): never {
  throw new MooringError("UNSUPPORTED", `Mooring does not know the Arrow type of id ${type.typeId}.`)
}
