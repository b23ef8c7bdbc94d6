import { confirm, isCancel, password, select, text } from "@clack/prompts"
import { type Dialect, dialects } from "../../index.ts"
import { Interrupted } from "../interrupt.ts"
import { nameProblem } from "./name.ts"
import type { Section } from "./secrets-file.ts"

const labels: Readonly<Record<string, string>> = {
  clickhouse: "ClickHouse",
  duckdb: "DuckDB",
  mssql: "Microsoft SQL Server",
  mysql: "MySQL or MariaDB",
  oracle: "Oracle",
  postgresql: "PostgreSQL",
  snowflake: "Snowflake",
  sqlite: "SQLite",
  trino: "Trino",
}

/** The answer, or the end of the command after Ctrl-C. */
async function answer<T>(asked: Promise<T>): Promise<Exclude<T, symbol>> {
  const given = await asked
  if (isCancel(given)) throw new Interrupted("SIGINT")
  return given as Exclude<T, symbol>
}

export function askName(): Promise<string> {
  return answer(
    text({
      message: "What is the connection called?",
      placeholder: "pets",
      defaultValue: "pets",
      validate: optionalName,
    }),
  )
}

/** Nothing means the default. */
function optionalName(name: string | undefined): string | undefined {
  return name ? nameProblem(name) : undefined
}

export function askOverwrite(name: string): Promise<boolean> {
  return answer(confirm({ message: `[connections.${name}] is there already. Replace it?`, initialValue: false }))
}

/** Asks what becomes of answers that do not work. */
export function askNext(): Promise<"again" | "write" | "stop"> {
  return answer(
    select<"again" | "write" | "stop">({
      message: "This does not connect. What now?",
      options: [
        { value: "again", label: "Change the answers" },
        { value: "write", label: "Write them as they are", hint: "the database may not run yet" },
        { value: "stop", label: "Stop", hint: "nothing is written" },
      ],
    }),
  )
}

/**
 * Asks what the database is and where.
 *
 * @param before earlier answers, which are offered again; but for a password.
 */
export async function askSection(name: string, before: Section = {}): Promise<Section> {
  const kind = await answer(
    select<Dialect | "url">({
      message: "What is it?",
      ...initialKind(before),
      options: [
        ...dialects.map((dialect) => ({
          value: dialect,
          label: labels[dialect.name] ?? dialect.name,
          hint: dialect.driver ? `with ${dialect.driver.package}` : "nothing to install",
        })),
        { value: "url" as const, label: "I have a URL", hint: "dialect://user:password@host/database" },
      ],
    }),
  )
  if (kind === "url") return { url: await askUrl() }
  return kind.capabilities?.embedded ? askFile(kind, name, before) : askServer(kind, before)
}

function initialKind({ url, dialect }: Section): { initialValue?: Dialect | "url" } {
  const initialValue = url === undefined ? dialects.find(({ name }) => name === dialect) : "url"
  return initialValue === undefined ? {} : { initialValue }
}

function askUrl(): Promise<string> {
  // A URL often has a password in it.
  return answer(
    password({ message: "The URL", mask: "•", validate: (url) => (url?.includes("://") ? undefined : "It has a ://") }),
  )
}

async function askFile(dialect: Dialect, name: string, { database }: Section): Promise<Section> {
  const usual = `${name}.${dialect.name === "duckdb" ? "duckdb" : "db"}`
  const file = await answer(
    text({
      message: "Which file? Relative ones start at the project's folder.",
      placeholder: usual,
      defaultValue: usual,
      ...initial(database),
    }),
  )
  return { dialect: dialect.name, database: literal(file) }
}

/** An earlier answer, to be edited. */
function initial(value: string | number | undefined): { initialValue?: string } {
  return value === undefined ? {} : { initialValue: String(value).replaceAll("$${", () => "${") }
}

async function askServer(dialect: Dialect, before: Section): Promise<Section> {
  const host = await answer(
    text({ message: "Host", placeholder: "localhost", defaultValue: "localhost", ...initial(before.host) }),
  )
  const port = await answer(
    text({ message: "Port (empty: the usual one)", defaultValue: "", validate: portProblem, ...initial(before.port) }),
  )
  const database = await answer(text({ message: "Database", defaultValue: "", ...initial(before.database) }))
  const username = await answer(text({ message: "User name", defaultValue: "", ...initial(before.username) }))
  const secret = await answer(
    password({ message: "Password (empty: none; $" + "{VARIABLE} takes it from the environment)", mask: "•" }),
  )
  return {
    dialect: dialect.name,
    host: literal(host),
    ...(port && { port: Number(port) }),
    ...(database && { database: literal(database) }),
    ...(username && { username: literal(username) }),
    ...(secret && { password: literal(secret) }),
  }
}

function portProblem(port: string | undefined): string | undefined {
  return !port || /^\d{1,5}$/.test(port) ? undefined : "A port is a number."
}

/** What was typed, as the file must say it: `${` means a variable there, unless that is all there is. */
export function literal(typed: string): string {
  return /^\$\{\w+\}$/.test(typed) ? typed : typed.replaceAll("${", () => "$${")
}
