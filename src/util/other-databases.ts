/** Databases that SQLAlchemy or Streamlit have a dialect or a connection for. */
const databases = new Set(
  (
    "access athena awsathena bigquery clickhouse clickhousedb cockroach cockroachdb cosmosdb cratedb crate databricks db2 " +
    "dremio druid elasticsearch exasol exa firebird firebolt gsheets hana hive ibm_db_sa impala informix kinetica " +
    "monetdb mongodb mssql netezza neo4j oceanbase oracle pinot presto redshift rockset snowflake solr spanner " +
    "sqlserver starrocks supabase sybase teradata teradatasql timescaledb trino turbodbc vertica"
  ).split(" "),
)

/** True for the name of a database that others have and Mooring does not, yet. */
export function isOtherDatabase(name: string): boolean {
  return databases.has(name.toLowerCase())
}
