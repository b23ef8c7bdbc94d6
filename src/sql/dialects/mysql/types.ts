import { float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64 } from "@uwdata/flechette"
import { jsonExtension } from "../../../tables/index.ts"
import { BitReader, NullReader } from "./columns/bits.ts"
import { BytesReader, TextReader } from "./columns/bytes.ts"
import { DecimalReader, type Precision } from "./columns/decimal.ts"
import { Float32Reader, Float64Reader, Int8Reader, Int16Reader, Int32Reader, Int64Reader } from "./columns/fixed.ts"
import type { ColumnReader } from "./columns/reader.ts"
import { DateReader, TimeReader, TimestampReader, type ZeroDates } from "./columns/temporal.ts"
import type { ColumnDefinition } from "./driver.ts"

const unsignedFlag = 32
const binaryCollation = 63
const geometrySridBytes = 4

/**
 * The reader of a column.
 *
 * Numbers of types: `enum enum_field_types` in MySQL's field_types.h.
 *
 * @see https://mariadb.com/kb/en/result-set-packets/
 */
export function columnReader(column: ColumnDefinition, zeroDates: ZeroDates = "error"): ColumnReader {
  const { name, flags } = column
  const isUnsigned = (flags & unsignedFlag) !== 0
  switch (column.columnType) {
    case 0: // decimal before MySQL 5
    case 246:
      return new DecimalReader(name, precisionOf(column))
    case 1:
      return new Int8Reader(name, isUnsigned ? uint8() : int8(), 1)
    case 2:
      return new Int16Reader(name, isUnsigned ? uint16() : int16(), 2)
    case 3:
    case 9: // mediumint
      return new Int32Reader(name, isUnsigned ? uint32() : int32(), 4)
    case 4:
      return new Float32Reader(name, float32(), 4)
    case 5:
      return new Float64Reader(name, float64(), 8)
    case 6:
      return new NullReader(name)
    case 7:
      return new TimestampReader(name, "UTC", zeroDates, column.zone)
    case 8:
      return new Int64Reader(name, isUnsigned ? uint64() : int64(), 8)
    case 10:
    case 14:
      return new DateReader(name, zeroDates)
    case 11:
      return new TimeReader(name)
    case 12:
      return new TimestampReader(name, null, zeroDates)
    case 13: // year
      return new Int16Reader(name, uint16(), 2)
    case 16:
      return new BitReader(name)
    case 245: // MySQL's json, whose collation is binary
      return new TextReader(name, jsonExtension)
    case 255: // geometry: WKB behind the number of its reference system
      return new BytesReader(name, { skip: geometrySridBytes, extension: "geoarrow.wkb" })
    default:
      if (column.characterSet === binaryCollation) return new BytesReader(name)
      return new TextReader(name, column.extendedFormat === "json" ? jsonExtension : undefined)
  }
}

/** As many digits as Arrow's decimals have; the servers' have 65 at most. */
const mostDigits = 76

/** The length of a decimal counts its digits, the point if there is one, and the sign unless it can have none. */
function precisionOf({ columnLength, decimals, flags }: ColumnDefinition): Precision {
  const signs = (decimals > 0 ? 1 : 0) + ((flags & unsignedFlag) === 0 ? 1 : 0)
  const scale = Math.min(decimals, mostDigits)
  return { precision: Math.min(mostDigits, Math.max(columnLength - signs, scale, 1)), scale }
}
