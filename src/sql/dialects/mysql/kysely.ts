import type { KyselyParts } from "../../dialect.ts"

/** Kysely's own, which only the driver is taken from. */
export function kyselyParts(kysely: typeof import("kysely")): KyselyParts {
  return {
    createAdapter: () => new kysely.MysqlAdapter(),
    createQueryCompiler: () => new kysely.MysqlQueryCompiler(),
    createIntrospector: (db) => new kysely.MysqlIntrospector(db),
  }
}
