import { expect } from "vitest"
import { typeName } from "../../../src/tables/index.ts"
import { link, onServer } from "./reading.ts"

/** How thousands of values of a type are made, what they become, and how the server's text of one looks in JavaScript. */
interface Case {
  readonly type: string
  /** An expression over `i`, which is 1, 2, 3, … */
  readonly value: string
  readonly arrow: string
  /** The server's text of the column `v`. */
  readonly text?: string
  readonly expected?: (text: string) => unknown
  /** How many digits the server's text protocol gives, where it is less than all. */
  readonly digits?: number
}

/** 64 bits, the same in each run. */
const bits = (from: string) => `cast(conv(left(md5(concat('${from}', i)), 16), 16, 10) as unsigned)`
/** 0 to 1. */
const chance = (from: string) => `(${bits(from)} / 18446744073709551616)`
const unsigned = (size: number) => `${bits("a")} >> ${64 - size}`
const signed = (size: number) =>
  `cast(${unsigned(size)} as decimal(30)) - ${size === 64 ? "9223372036854775808" : 2 ** (size - 1)}`
const pick = (...values: string[]) => `elt(1 + i % ${values.length}, ${values.join(", ")})`
const word = `left(repeat(concat('aé€🦉\\'"\\\\', i), 9), i % 40)`
const hexText = "hex(v)"

const asIs = (text: string): unknown => text
const number = (text: string): number => Number(text)
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"))

/** `2024-02-29 12:00:00.5` → `2024-02-29T12:00:00.500000` */
function timestamp(text: string): string {
  const [day, clock] = text.split(" ") as [string, string]
  const [seconds, fraction = ""] = clock.split(".")
  return `${day}T${seconds}.${fraction.padEnd(6, "0")}`
}

/** `-01:02:03.5` → `PT-1H-2M-3.5S` */
function duration(text: string): string {
  const match = /^(-?)(\d+):(\d\d):(\d\d)(\.\d+)?$/.exec(text)!
  const [, sign, ...parts] = match
  const [hours, minutes, seconds] = parts.map(Number)
  const rest = Number(`${Number(seconds)}${parts[3] ?? ""}`)
  const written = [
    hours === 0 ? "" : `${sign}${hours}H`,
    minutes === 0 ? "" : `${sign}${minutes}M`,
    rest === 0 ? "" : `${sign}${rest}S`,
  ].join("")
  return `PT${written === "" ? "0S" : written}`
}

const integers: readonly (readonly [type: string, size: number])[] = [
  ["tinyint", 8],
  ["smallint", 16],
  ["mediumint", 24],
  ["int", 32],
  ["bigint", 64],
]

const decimals: readonly (readonly [precision: number, scale: number])[] = [
  [1, 0],
  [1, 1],
  [5, 5],
  [9, 2],
  [15, 0],
  [15, 2],
  [16, 3],
  [18, 4],
  [30, 30],
  [38, 0],
  [38, 38],
  [38, 17],
  [39, 0],
  [60, 20],
  [65, 0],
  [65, 30],
  [65, 38],
]

const seconds = (digits: number) => `cast(${chance("t")} * 252423993600 as decimal(30, ${digits}))`

const cases: readonly Case[] = [
  ...integers.flatMap(([type, size]): Case[] => {
    const arrow = `int${size === 24 ? 32 : size}`
    const expected = size === 64 ? BigInt : number
    return [
      { type, value: signed(size), arrow, expected },
      { type: `${type} unsigned`, value: unsigned(size), arrow: `u${arrow}`, expected },
    ]
  }),
  { type: "boolean", value: "i % 2", arrow: "int8", expected: number },
  { type: "int(8) zerofill", value: "i", arrow: "uint32", expected: number },
  ...["float", "float(12, 3)"].map(
    (type): Case => ({
      type,
      value: `(${chance("f")} - 0.5) * ${type === "float" ? "pow(10, i % 70 - 35)" : "1e6"}`,
      arrow: "float32",
      text: "cast(cast(v as double) as char)",
      expected: number,
      ...(type === "float" && { digits: 6 }),
    }),
  ),
  {
    type: "double",
    value: `(${chance("f")} - 0.5) * pow(10, i % 600 - 300)`,
    arrow: "float64",
    expected: number,
  },
  { type: "double(20, 4)", value: `(${chance("f")} - 0.5) * 1e12`, arrow: "float64", expected: number },
  ...decimals.flatMap(([precision, scale]): Case[] => {
    const type = `decimal(${precision}, ${scale})`
    const arrow = `decimal${precision > 38 ? 256 : 128}(${precision}, ${scale})`
    // Digits as text, because the server counts with 65 of them at most.
    const before = `left(concat(conv(left(md5(i), 12), 16, 10), repeat(i, 30)), i % ${precision - scale + 1})`
    const behind = `left(concat(conv(left(md5(-i), 12), 16, 10), repeat(i, 30)), ${scale === 0 ? 0 : `i % ${scale + 1}`})`
    const value = `concat('0', ${before}, '.', ${behind})`
    return [
      { type, value: `concat(if(i % 3 = 0, '-', ''), ${value})`, arrow },
      { type: `${type} unsigned`, value, arrow },
    ]
  }),
  {
    type: "decimal(9, 2) zerofill",
    value: "i / 7",
    arrow: "decimal128(9, 2)",
    expected: (text) => text.replace(/^0+(?=\d)/, ""),
  },
  ...[1, 7, 8, 9, 31, 32, 33, 63, 64].map(
    (size): Case => ({
      type: `bit(${size})`,
      value: unsigned(size),
      arrow: "uint64",
      text: "cast(cast(v as unsigned) as char)",
      expected: BigInt,
    }),
  ),
  { type: "year", value: "if(i % 20 = 0, 0, 1901 + i % 255)", arrow: "uint16", expected: number },
  {
    type: "date",
    value: `if(i % 100 = 0, concat(lpad(4 + i % 1999 * 4, 4, 0), if(i % 400 = 0, '-02-29', '-12-31')), concat(lpad(i * 7 % 10000, 4, 0), '-', 1 + i % 12, '-', 1 + i % 28))`,
    arrow: "date",
  },
  ...[0, 1, 3, 6].flatMap((digits): Case[] => [
    {
      type: `datetime(${digits})`,
      value: `date_add('1000-01-01', interval ${seconds(digits)} second)`,
      arrow: "timestamp[us]",
      expected: timestamp,
    },
    {
      type: `timestamp(${digits})`,
      value: `from_unixtime(cast(1 + ${chance("t")} * 2147483646 as decimal(20, ${digits})))`,
      arrow: "timestamp[us, UTC]",
      expected: (text) => `${timestamp(text)}Z`,
    },
    {
      type: `time(${digits})`,
      value: `sec_to_time(cast((${chance("t")} - 0.5) * if(i % 5, 6040000, 100) as decimal(20, ${digits})))`,
      arrow: "duration[us]",
      expected: duration,
    },
  ]),
  { type: "char(50)", value: word, arrow: "utf8" },
  { type: "varchar(50) character set latin1", value: "left(repeat(concat('aéÿß', i), 9), i % 40)", arrow: "utf8" },
  { type: "varchar(50) character set utf16", value: word, arrow: "utf8" },
  { type: "varchar(50) character set sjis", value: "left(repeat(concat('aカ漢', i), 9), i % 40)", arrow: "utf8" },
  { type: "varchar(50) collate utf8mb4_bin", value: word, arrow: "utf8" },
  { type: "tinytext", value: word, arrow: "utf8" },
  { type: "text", value: `repeat(${word}, i % 20)`, arrow: "utf8" },
  { type: "mediumtext", value: `if(i % 50 = 0, repeat(${word}, 3000), ${word})`, arrow: "utf8" },
  { type: "longtext", value: word, arrow: "utf8" },
  { type: "enum('owl', 'cat', 'é,🦉')", value: pick("'owl'", "'cat'", "'é,🦉'"), arrow: "utf8" },
  { type: "set('a', 'b', 'ç')", value: "i % 8", arrow: "utf8" },
  {
    type: "json",
    value: `json_object('a', i, 'b', ${word}, 'c', json_array(1, null, i))`,
    arrow: "utf8",
    expected: JSON.parse,
  },
  { type: "binary(16)", value: "unhex(md5(i))", arrow: "binary", text: hexText, expected: bytes },
  { type: "varbinary(64)", value: "repeat(unhex(md5(i)), i % 5)", arrow: "binary", text: hexText, expected: bytes },
  { type: "blob", value: "repeat(unhex(md5(i)), i % 30)", arrow: "binary", text: hexText, expected: bytes },
  { type: "longblob", value: "unhex(md5(i))", arrow: "binary", text: hexText, expected: bytes },
  { type: "point", value: "point(i / 7, -i)", arrow: "binary", text: "hex(st_aswkb(v))", expected: bytes },
  {
    type: "geometry",
    value: "st_geomfromtext(concat('LINESTRING(0 0,', i, ' ', i / 7, ')'), 4326)",
    arrow: "binary",
    text: "hex(st_aswkb(v))",
    expected: bytes,
  },
  {
    type: "uuid",
    value: "concat_ws('-', left(md5(i), 8), left(md5(i + 1), 4), '4abc', '8def', left(md5(-i), 12))",
    arrow: "utf8",
  },
  { type: "inet4", value: `inet_ntoa(${unsigned(32)})`, arrow: "utf8" },
  { type: "inet6", value: "inet6_ntoa(unhex(md5(i)))", arrow: "utf8" },
]

const exact = { bigint: "bigint", timestamp: "string", date: "string" } as const

for (const { type, value, arrow, text = "cast(v as char)", expected = asIs, digits = Infinity } of cases) {
  onServer(`${type}: 3,000 values are those that the server writes as text`, async () => {
    const server = await link()
    await server.run(
      `create table made (i int primary key, v ${type} null)`,
      `insert into made select i, if(i % 13, ${value}, null) from (select cast(seq as signed) as i from seq_1_to_3000) numbers`,
    )
    const read = await server.read(`select v, ${text} as t from made order by i`)
    const column = read.withValues(exact).getChild("v")!
    expect(typeName(column.field.type)).toBe(arrow)
    const texts = read.getChild("t")!.toArray() as (string | null)[]
    const values = column.toArray()
    expect(values).toEqual(texts.map((text) => (text === null ? null : expected(text))))
    expect(new Set(texts).size).toBeGreaterThan(2)

    const asText = (await server.readText("select v from made order by i")).withValues(exact).getChild("v")!
    expect(asText.field).toEqual(column.field)
    const near = (value: unknown, i: number) => {
      const other = values[i] as number
      return Math.abs(Number(value) - other) <= Math.abs(other) * 10 ** (1 - digits) ? other : value
    }
    expect(digits === Infinity ? asText.toArray() : asText.toArray().map(near)).toEqual(values)
  })
}
