import { type Dialect, dialects } from "../../src/sql/index.ts"
import { defaultValues } from "../../src/tables/index.ts"

/** docs/types.md */
export function typesPage(): string {
  return `<!-- Written by scripts/reference-pages.ts: types and settings are the dialects' own, the rest is in scripts/reference/types.ts. -->

# Types

A value passes through two steps: from the database's type to an Arrow type, where it is exact on every dialect, and from Arrow to
JavaScript when somebody reads it. The JavaScript type follows from the column's type, never from the value.

## From Arrow to JavaScript

| Arrow | JavaScript | option |
|---|---|---|
| bool | boolean | |
| integers up to 32 bits | number | |
| int64, uint64, and wider integers | number; beyond 2^53 an error that names the column | \`bigint\` |
| float32, float64 | number; a float32 has its shortest digits in text, \`0.1\` | |
| decimal | string with all its digits, \`"1.50"\` | \`decimal\` |
| utf8, dictionary of utf8 | string | |
| utf8 with extension arrow.json | the parsed value; an integer beyond 2^53 in it as an int64 | \`bigint\` |
| binary | \`Uint8Array\` | |
| date | string, \`"2026-01-31"\` | \`date\` |
| time | string, \`"12:30:00.000000"\` | |
| timestamp, with or without a zone (then read as UTC) | \`Date\` | \`timestamp\` |
| interval | string in ISO 8601, \`"P1M2DT3H"\` | |
| list | array | |
| struct | object | |
| map | array of \`[key, value]\` | |
| union | the value of its member | |
| NULL of any type | \`null\` | |

\`\`\`ts
import { connection } from "mooring"

const values = await connection("values", { type: "sql", url: "duckdb://" })
const table = await values.query(\`
  select true as truth, 2::bigint as many, 1.50::decimal(10, 2) as price, '{"a": [1, null]}'::json as document,
    date '2026-01-31' as day, timestamp '2026-01-31 12:30:00.123456' as instant, interval '1 month 3 hours' as span,
    [1, 2] as list, {'x': 1} as point, map {'k': 1} as pairs\`)
console.log(table.at(0))
\`\`\`

\`\`\`text output
{
  truth: true,
  many: 2,
  price: '1.50',
  document: { a: [ 1, null ] },
  day: '2026-01-31',
  instant: 2026-01-31T12:30:00.123Z,
  span: 'P1MT3H',
  list: [ 1, 2 ],
  point: { x: 1 },
  pairs: [ [ 'k', 1 ] ]
}
\`\`\`

## Value options

\`values\` changes it for a call, for a connection (in its section or options), or for all (\`configure({ values })\`).

| Option | Default | |
|---|---|---|
| \`bigint\` | \`"${defaultValues.bigint}"\` | or \`"bigint"\`, \`"string"\` |
| \`decimal\` | \`"${defaultValues.decimal}"\` | or \`"number"\` |
| \`timestamp\` | \`"${defaultValues.timestamp}"\` | or \`"string"\` with the column's full precision, \`"number"\` in milliseconds since 1970 |
| \`date\` | \`"${defaultValues.date}"\` | or \`"Date"\`, midnight in UTC |

\`\`\`ts
const exact = table.withValues({ bigint: "bigint", decimal: "number", timestamp: "string", date: "Date" })
const { many, price, instant, day } = exact.toArray()[0] ?? {}
console.log(many, price, instant, day)
\`\`\`

\`\`\`text output
2n 1.5 2026-01-31T12:30:00.123456 2026-01-31T00:00:00.000Z
\`\`\`

\`toJSON()\` always works: dates become ISO 8601 text, binary base64, and what is beyond its JavaScript type its exact text.
NaN and infinities become null, since JSON has none. \`toNDJSON()\`, \`toCSV()\` and \`write()\` keep the digits of numbers inside JSON.

[Parameters](queries-and-caching.md#sql-types-of-javascript-values) go the other way.

${dialects.map(dialectSection).join("\n")}`
}

function dialectSection({ name, driver, types, settings }: Dialect): string {
  const title = titles[name] ?? name
  const via = driver ? `\`${driver.package}\` ${driver.range}` : "nothing to install: Node.js has it"
  const typeRows = Object.entries(types).map(([type, arrow]) => `| ${cell(type)} | ${cell(arrow)} |`)
  const settingRows = Object.entries(settings).map(([key, { description, oneOf }]) => {
    const words = oneOf ? ` One of ${oneOf.map((word) => `\`${word}\``).join(", ")}.` : ""
    return `| \`${key}\` | ${cell(description)}${words} |`
  })
  const keys = ["Keys of a section that only this dialect has:", "", "| Key | |", "|---|---|", ...settingRows, ""]
  return [
    `## ${title}`,
    "",
    `Driver: ${via}.`,
    "",
    `| ${title} | Arrow |`,
    "|---|---|",
    ...typeRows,
    "",
    ...(settingRows.length > 0 ? keys : []),
  ].join("\n")
}

const titles: Readonly<Record<string, string>> = {
  duckdb: "DuckDB",
  mariadb: "MariaDB",
  mysql: "MySQL and MariaDB",
  postgresql: "PostgreSQL",
  sqlite: "SQLite",
  trino: "Trino",
}

/** A bar would end the cell, and an angle bracket begin HTML. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;")
}
