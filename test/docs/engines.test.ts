import { expect, test } from "vitest"
import { newMariaDBDatabase } from "../support/mariadb-database.ts"
import { newPostgresDatabase } from "../support/postgres-database.ts"
import { testWith } from "../support/server-test.ts"
import { pages } from "./pages.ts"
import { pattern } from "./pattern.ts"
import { type Project, projectsOf } from "./projects.ts"
import { follow } from "./run.ts"

/** Each follows two pages, in a process for each program. */
const limit = 120_000

/** The database of both pages, for which a reader puts another one. */
const shownUrl = "sqlite:///pets.db"
const readme = firstProject("README.md")
const gettingStarted = firstProject("docs/getting-started.md")

test("README.md prints the same when it runs twice", () => printsTheSame(twice(readme)))

test("README.md and getting started print the same on DuckDB", () => onDatabase("duckdb:///pets.duckdb"))

testWith("postgresql")(
  "README.md and getting started print the same on PostgreSQL",
  async () => {
    const { host, port, username, database } = await newPostgresDatabase()
    await onDatabase(`postgresql://${username}@/${database}?host=${encodeURIComponent(host)}&port=${port}`)
  },
  limit,
)

testWith("mariadb")(
  "README.md and getting started print the same on MariaDB",
  async () => {
    const { host, port, username, password = "", database } = await newMariaDBDatabase()
    await onDatabase(`mariadb://${username}:${password}@${host}:${port}/${database}`)
  },
  limit,
)

async function onDatabase(url: string): Promise<void> {
  for (const project of [twice(readme), gettingStarted]) await printsTheSame(withUrl(project, url))
}

async function printsTheSame(project: Project): Promise<void> {
  const blocks = await follow(project)
  expect(blocks.length).toBeGreaterThan(0)
  for (const { line, printed, expected } of blocks) {
    expect(printed, `${project.name}, line ${line}`).toMatch(pattern(expected))
  }
}

function firstProject(path: string): Project {
  return projectsOf(pages.find((page) => page.path === path)!)[0]!
}

function twice({ name, steps }: Project): Project {
  return { name, steps: [...steps, ...steps.filter(({ kind }) => kind !== "file")] }
}

/** The same with another database. What `mooring init` and the secrets file show is each database's own. */
function withUrl({ name, steps }: Project, url: string): Project {
  const changed = steps.map((step) => {
    if (step.kind === "file") return { ...step, text: step.text.replaceAll(shownUrl, url) }
    if (step.kind !== "commands") return step
    const shows = step.text.includes(shownUrl) || step.text.includes("secrets.toml")
    const text = step.text.replaceAll(shownUrl, `'${url}'`)
    return { ...step, text, output: shows ? undefined : step.output }
  })
  return { name, steps: changed }
}
