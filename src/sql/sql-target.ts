import type { OptionsLayer } from "../core/index.ts"
import { MooringError } from "../errors.ts"
import { warnOnce } from "../util/warn.ts"
import { type ConfigContext, type ResolvedSql, toSqlConfig } from "./config.ts"
import type { Dialect, Source } from "./dialect.ts"
import { dialects } from "./dialects/index.ts"
import { locating } from "./query-error.ts"

/** The configuration of a SQL connection out of its layers, the weakest first. What there is to warn of is said once. */
export function resolveSql(layers: readonly OptionsLayer[], context: ConfigContext): ResolvedSql {
  const own = outsideDialect(layers)
  const known = own ? [own, ...dialects] : dialects
  const named = layers.map((layer) => ({ ...layer, values: nameDialect(layer.values) }))
  const resolved = toSqlConfig(named, known, context)
  for (const warning of resolved.warnings) {
    warnOnce(`${context.connection}: ${warning}`, `Connection "${context.connection}": ${warning}`)
  }
  return resolved
}

/** The error for what a url would tell that is fetched when the connection is made. */
export function notKnownYet(connection: string): MooringError {
  return new MooringError("BAD_CONFIG", `Connection "${connection}" fetches its url, so nothing is known of it yet.`, {
    connection,
    hint: "Await connection() without lazy, or any query, before this.",
  })
}

/** A dialect that was given as an object, by the strongest layer that has one. */
function outsideDialect(layers: readonly OptionsLayer[]): Dialect | undefined {
  return layers.map(({ values }) => values.dialect).findLast((dialect) => typeof dialect === "object") as
    | Dialect
    | undefined
}

function nameDialect(values: OptionsLayer["values"]): OptionsLayer["values"] {
  return typeof values.dialect === "object" ? { ...values, dialect: (values.dialect as Dialect).name } : values
}

/** What is configured and where the data is, known without connecting. */
export interface Target extends ResolvedSql {
  readonly source: Source
}

/** @throws MooringError of the dialect where the place cannot be known, with the connection's name. */
export function targetOf(resolved: ResolvedSql, connection: string): Target {
  return { ...resolved, source: locating(connection, () => resolved.dialect.source(resolved.config)) }
}
