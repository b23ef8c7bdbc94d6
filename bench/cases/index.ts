import type { Case } from "../case.ts"

/** In the order in which they are measured and shown. Each is loaded alone, so that none carries another's drivers. */
export const cases: Readonly<Record<string, () => Promise<{ readonly comparison: Case }>>> = {
  postgres: () => import("./postgres.ts"),
  "postgres-wide": () => import("./postgres-wide.ts"),
  mariadb: () => import("./mariadb.ts"),
  duckdb: () => import("./duckdb.ts"),
  sqlite: () => import("./sqlite.ts"),
  growth: () => import("./growth.ts"),
  "postgres-one-row": () => import("./postgres-one-row.ts"),
  "mariadb-one-row": () => import("./mariadb-one-row.ts"),
  "postgres-small": () => import("./postgres-small.ts"),
  shared: () => import("./shared.ts"),
  hits: () => import("./hits.ts"),
  import: () => import("./import.ts"),
}
