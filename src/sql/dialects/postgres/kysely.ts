import type { KyselyParts } from "../../dialect.ts"

/** Kysely's own, which only the driver is taken from. */
export function kyselyParts(kysely: typeof import("kysely")): KyselyParts {
  return {
    createAdapter: () => new kysely.PostgresAdapter(),
    createQueryCompiler: () => new kysely.PostgresQueryCompiler(),
    createIntrospector: (db) => new kysely.PostgresIntrospector(db),
  }
}
