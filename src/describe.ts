import { currentEnvironment, type Environment } from "./core/index.ts"
import { isMooringError } from "./errors.ts"
import { resolveType } from "./resolve-type.ts"
import { isReference } from "./secrets/index.ts"

/** What is configured under one name, without a secret. */
export interface ConnectionDescription {
  readonly name: string
  /** `sql`, a name given to `configure({ types })`, or a module path; undefined where the section does not tell. */
  readonly type: string | undefined
  /** The dialect of a SQL connection; undefined for others, and where the URL is a reference that was not read. */
  readonly dialect: string | undefined
  /** Where the data is, such as `db.example.com:5432/pets`; undefined where only connecting would tell. */
  readonly location: string | undefined
  /** Where it is configured: `.mooring/secrets.toml [connections.pets], MOORING_CONNECTIONS__PETS__PASSWORD`. */
  readonly source: string
  /** The names of the keys, never their values. */
  readonly keys: readonly string[]
  /** Why it cannot be used as it stands, and what to do. */
  readonly problem: string | undefined
}

/**
 * All connections that secrets and environment configure, by name. Nothing is executed: no command is run, no module of
 * the project is loaded, no connection is made.
 *
 * @example for (const { name, type, source } of await describeConnections()) console.log(name, type, source)
 */
export async function describeConnections(): Promise<ConnectionDescription[]> {
  const environment = currentEnvironment()
  const described: ConnectionDescription[] = []
  environment.secrets.refresh()
  for (const { name, origin, keys, problem } of environment.secrets.list()) {
    const nothing = { type: undefined, dialect: undefined, location: undefined, problem: undefined }
    const told = problem ? { problem: sentenceOf(problem) } : await look(environment, name)
    described.push({ name, source: origin, keys, ...nothing, ...told })
  }
  return described
}

/** What can be told of a section by reading it. */
type Told = Partial<Pick<ConnectionDescription, "type" | "dialect" | "location" | "problem">>

async function look(environment: Environment, name: string): Promise<Told> {
  let type: string | undefined
  try {
    const spec = resolveType(environment, name, {})
    type = spec.kind === "loader" ? spec.key : spec.connectionClass.name
    return type === "sql" ? { type, ...(await lookAtSql(environment, name)) } : { type }
  } catch (error) {
    return { ...(type !== undefined && { type }), problem: sentenceOf(error) }
  }
}

async function lookAtSql(environment: Environment, name: string): Promise<Told> {
  if (isReference(environment.secrets.section(name)?.values.url)) return {}
  const { SQLConnection } = await import("./sql/index.ts")
  // The constructor never connects, and this object never enters the registry.
  const connection = new SQLConnection(name)
  return { dialect: connection.dialect, location: connection.toJSON().location }
}

function sentenceOf(error: unknown): string {
  if (!isMooringError(error)) throw error
  return error.hint === undefined ? error.message : `${error.message} ${error.hint}`
}
