import { expect, test } from "vitest"
import type { Finding } from "./report.ts"
import { missingPromises, reportTable } from "./report-table.ts"

const reads = { promise: "R01", dialect: "postgresql", what: "reads" } as const
const findings: Finding[] = [
  { promise: "R02", dialect: "postgresql", what: "resets", provoked: 1, lost: 0 },
  { ...reads, provoked: 1_000, lost: 0, note: "fast" },
  { ...reads, client: "pg", provoked: 10, lost: 3 },
  { ...reads, provoked: 500, lost: 0, note: "slow" },
  { ...reads, dialect: "mariadb", provoked: 1, lost: 1, note: "once" },
]

test("what was found by several tests is one row, with drivers alone beside it", () => {
  expect(reportTable(findings).split("\n").slice(2)).toEqual([
    "| R01 | MariaDB | 1 reads | **1** of 1 (once) |  |",
    "| R01 | PostgreSQL | 1,500 reads | 0 (fast; slow) | pg: **3** of 10 |",
    "| R02 | PostgreSQL | 1 resets | 0 |  |",
  ])
})

test("what only a driver lost is nothing that was found out about a promise", () => {
  expect(missingPromises(findings.slice(0, 3), ["R01", "R02", "R03"])).toEqual(["R03"])
  expect(missingPromises(findings.slice(2, 3), ["R01"])).toEqual(["R01"])
})
