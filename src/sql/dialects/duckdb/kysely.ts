import type { DatabaseIntrospector, Kysely, SchemaMetadata, TableMetadata } from "kysely"
import type { KyselyParts } from "../../dialect.ts"

type KyselyModule = typeof import("kysely")

/** DuckDB took PostgreSQL's grammar, so its compiler fits; locks and catalogues are DuckDB's own. */
export function kyselyParts(kysely: KyselyModule): KyselyParts {
  class DuckDBAdapter extends kysely.PostgresAdapter {
    // One process owns the file, and there are no advisory locks.
    override async acquireMigrationLock(): Promise<void> {}
    override async releaseMigrationLock(): Promise<void> {}
  }
  return {
    createAdapter: () => new DuckDBAdapter(),
    createQueryCompiler: () => new kysely.PostgresQueryCompiler(),
    createIntrospector: (db) => new DuckDBIntrospector(db, kysely.sql),
  }
}

/** The tables that Kysely keeps its migrations in. */
const internalTables: readonly string[] = ["kysely_migration", "kysely_migration_lock"]

class DuckDBIntrospector implements DatabaseIntrospector {
  readonly #db: Kysely<never>
  readonly #sql: KyselyModule["sql"]

  constructor(db: Kysely<never>, sql: KyselyModule["sql"]) {
    this.#db = db
    this.#sql = sql
  }

  async getSchemas(): Promise<SchemaMetadata[]> {
    const { rows } = await this.#sql<{ name: string }>`
      select schema_name as name from duckdb_schemas()
      where database_name = current_database() and (not internal or schema_name = 'main')
      order by name`.execute(this.#db)
    return rows.map(({ name }) => ({ name }))
  }

  async getTables({ withInternalKyselyTables } = { withInternalKyselyTables: false }): Promise<TableMetadata[]> {
    const { rows } = await this.#sql<ColumnRow>`
      select c.schema_name, c.table_name, c.column_name, c.data_type, c.is_nullable, c.column_default, c.comment,
             v.view_name is not null as is_view
      from duckdb_columns() c
      left join duckdb_views() v
        on v.database_name = c.database_name and v.schema_name = c.schema_name and v.view_name = c.table_name
      where c.database_name = current_database() and not c.internal
      order by c.schema_name, c.table_name, c.column_index`.execute(this.#db)
    return tablesOf(rows.filter((row) => withInternalKyselyTables || !internalTables.includes(row.table_name)))
  }
}

interface ColumnRow {
  schema_name: string
  table_name: string
  column_name: string
  data_type: string
  is_nullable: boolean
  column_default: string | null
  comment: string | null
  is_view: boolean
}

function tablesOf(rows: readonly ColumnRow[]): TableMetadata[] {
  const tables = new Map<string, TableMetadata>()
  for (const row of rows) {
    const key = JSON.stringify([row.schema_name, row.table_name])
    let table = tables.get(key)
    if (table === undefined) {
      table = { name: row.table_name, schema: row.schema_name, isView: row.is_view, isForeign: false, columns: [] }
      tables.set(key, table)
    }
    table.columns.push({
      name: row.column_name,
      dataType: row.data_type,
      isNullable: row.is_nullable,
      isAutoIncrementing: row.column_default?.startsWith("nextval(") ?? false,
      hasDefaultValue: row.column_default !== null,
      ...(row.comment !== null && { comment: row.comment }),
    })
  }
  return [...tables.values()]
}
