import { confirm, isCancel, password, select, text } from "@clack/prompts"
import { type Dialect, dialects } from "../../index.ts"
import { Interrupted } from "../interrupt.ts"
import { isFile } from "./file-dialect.ts"
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

/** Asks what the database is and where. */
export async function askSection(name: string): Promise<Section> {
  const kind = await answer(
    select<Dialect | "url">({
      message: "What is it?",
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
  return isFile(kind) ? askFile(kind, name) : askServer(kind)
}

function askUrl(): Promise<string> {
  // A URL often has a password in it.
  return answer(
    password({ message: "The URL", mask: "•", validate: (url) => (url?.includes("://") ? undefined : "It has a ://") }),
  )
}

async function askFile(dialect: Dialect, name: string): Promise<Section> {
  const usual = `${name}.${dialect.name === "duckdb" ? "duckdb" : "db"}`
  const file = await answer(
    text({
      message: "Which file? Relative ones start at the project's folder.",
      placeholder: usual,
      defaultValue: usual,
    }),
  )
  return { dialect: dialect.name, database: literal(file) }
}

async function askServer(dialect: Dialect): Promise<Section> {
  const host = await answer(text({ message: "Host", placeholder: "localhost", defaultValue: "localhost" }))
  const port = await answer(text({ message: "Port (empty: the usual one)", defaultValue: "", validate: portProblem }))
  const database = await answer(text({ message: "Database", defaultValue: "" }))
  const username = await answer(text({ message: "User name", defaultValue: "" }))
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
