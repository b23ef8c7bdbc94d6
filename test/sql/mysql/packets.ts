import type { ColumnDefinition } from "../../../src/sql/dialects/mysql/driver.ts"

const unsigned = 32

export function column(name: string, columnType: number, more: Partial<ColumnDefinition> = {}): ColumnDefinition {
  return { name, columnType, flags: 0, characterSet: 63, columnLength: 12, decimals: 0, ...more }
}

/** One of each kind of reader. */
export const columns: readonly ColumnDefinition[] = [
  column("i1", 1),
  column("u2", 2, { flags: unsigned }),
  column("i4", 3),
  column("i8", 8),
  column("f4", 4),
  column("f8", 5),
  column("dec", 246, { decimals: 2 }),
  column("wide", 246, { columnLength: 67, decimals: 30 }),
  column("date", 10),
  column("stamp", 7),
  column("time", 11),
  column("bit", 16),
  column("text", 253, { characterSet: 45 }),
  column("blob", 252),
  column("geo", 255),
  column("none", 6),
]

const fixed = (size: number, write: (bytes: Buffer) => void) => {
  const bytes = Buffer.alloc(size)
  write(bytes)
  return bytes
}
/** With the shortest length, or a longer one that says the same: behind a first byte of 252, 253 or 254. */
export function coded(bytes: Buffer, wish = 0): Buffer {
  const first = Math.max(wish, bytes.length < 251 ? 0 : bytes.length < 65_536 ? 252 : 253)
  if (first === 0) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const length = Buffer.alloc(8)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([Buffer.from([first]), length.subarray(0, first === 252 ? 2 : first === 253 ? 3 : 8), bytes])
}

export interface Sample {
  readonly binary: Buffer
  readonly text: Buffer
  readonly row: Record<string, unknown>
}

/** A row in both protocols, and what it is in JavaScript. */
function sample(i: number): Sample {
  const word = "né🦉".repeat(i % 60)
  const digits = `${i}.${String(i % 100).padStart(2, "0")}`
  const long = `-${"7".repeat(i % 35)}1.${"3".repeat(30)}`
  const point = Buffer.from("e6100000010100000000000000000000000000000000000000", "hex")
  const blob = Buffer.alloc((i * 97) % 70_000, i)
  const first = [0, 252, 253, 254][i % 4]!
  const day = Buffer.from([0xe8, 0x07, 2, 1 + (i % 29)])
  const dd = String(1 + (i % 29)).padStart(2, "0")
  const fields: readonly (readonly [binary: Buffer | null, text: Buffer | null, value: unknown])[] = [
    [fixed(1, (b) => b.writeInt8(-i)), Buffer.from(`${-i}`), -i],
    [fixed(2, (b) => b.writeUInt16LE(i * 900)), Buffer.from(`${i * 900}`), i * 900],
    [fixed(4, (b) => b.writeInt32LE(i * -1e7)), Buffer.from(`${i * -1e7}`), i * -1e7],
    [fixed(8, (b) => b.writeBigInt64LE(BigInt(i) << 40n)), Buffer.from(`${BigInt(i) << 40n}`), i * 2 ** 40],
    [fixed(4, (b) => b.writeFloatLE(i / 4)), Buffer.from(`${i / 4}`), i / 4],
    [fixed(8, (b) => b.writeDoubleLE(i / 3)), Buffer.from(`${i / 3}`), i / 3],
    [coded(Buffer.from(digits), first), coded(Buffer.from(digits), first), digits],
    [coded(Buffer.from(long)), coded(Buffer.from(long)), long],
    [coded(day), Buffer.from(`2024-02-${dd}`), `2024-02-${dd}`],
    [
      coded(Buffer.concat([day, Buffer.from([23, 59, i, 0x40, 0xe2, 0x01, 0])])),
      Buffer.from(`2024-02-${dd} 23:59:${String(i).padStart(2, "0")}.123456`),
      new Date(Date.UTC(2024, 1, 1 + (i % 29), 23, 59, i, 123)),
    ],
    [
      coded(Buffer.from([1, 1, 0, 0, 0, 2, 3, i])),
      Buffer.from(`-26:03:${String(i).padStart(2, "0")}`),
      `PT-26H-3M-${i}S`,
    ],
    [coded(Buffer.from([1, i])), coded(Buffer.from([1, i])), 256 + i],
    [coded(Buffer.from(word)), coded(Buffer.from(word)), word],
    [coded(blob, first), coded(blob, first), new Uint8Array(blob)],
    [coded(point), coded(point), new Uint8Array(point.subarray(4))],
    [null, null, null],
  ]
  const row: Record<string, unknown> = {}
  const nulls = Buffer.alloc((columns.length + 9) >> 3)
  const binary: Buffer[] = []
  const text: Buffer[] = []
  fields.forEach(([inBinary, inText, value], c) => {
    const isNull = inBinary === null || inText === null || (i + c) % 7 === 0
    row[columns[c]!.name] = isNull ? null : value
    if (isNull) nulls[(c + 2) >> 3]! |= 1 << ((c + 2) & 7)
    else binary.push(inBinary)
    const isCoded = inText === inBinary || [6, 7, 11, 12, 13, 14].includes(c)
    text.push(isNull ? Buffer.from([251]) : isCoded ? inText : coded(inText))
  })
  return { binary: Buffer.concat([Buffer.from([0]), nulls, ...binary]), text: Buffer.concat(text), row }
}

export const samples: readonly Sample[] = Array.from({ length: 59 }, (_, i) => sample(i + 1))
export const wanted: readonly Record<string, unknown>[] = samples.map(({ row }) => row)
