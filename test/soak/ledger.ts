/** What the load works on, and how it is seen at the end that nothing was lost, doubled or mixed up. */

/** How many there are of each. */
export const sizes = { names: 40, accounts: 20, numbers: 5_000 } as const

/** What every account has at first. */
const balance = 1_000

/** The statements that make the tables. Nothing in `entries` is unique: what is written twice is to be seen. */
export function tables(writers: readonly Writer[]): string[] {
  const indexes = [...Array(sizes.names).keys()]
  const names = writers.flatMap(({ worker, line }) => indexes.map((i) => `('${nameOf(worker, line, i)}', 0)`))
  const accounts = Array.from({ length: sizes.accounts }, (_, id) => `(${id}, ${balance})`)
  const numbers = Array.from({ length: sizes.numbers }, (_, n) => `(${n})`)
  return [
    "create table versions (name varchar(40) primary key, version integer not null)",
    "create table entries (id varchar(60) not null)",
    "create table accounts (id integer primary key, balance bigint not null)",
    "create table numbers (n integer primary key)",
    `insert into versions values ${names.join(", ")}`,
    `insert into accounts values ${accounts.join(", ")}`,
    `insert into numbers values ${numbers.join(", ")}`,
  ]
}

/** A line of work in one of the processes. */
export interface Writer {
  readonly worker: number
  readonly line: number
}

/** How many lines of work a process has on each connection. */
const linesEach = 3

/** The lines of work of a process on its `index`th connection. */
export function writersOf(worker: number, index: number): Writer[] {
  return Array.from({ length: linesEach }, (_, i) => ({ worker, line: index * linesEach + i }))
}

/** A name whose version only one line of work raises. */
export function nameOf(worker: number, line: number, i: number): string {
  return `name-${worker}-${line}-${i}`
}

/** What became of an entry, as the program was told. `failed` and `notRun` both say that it is not there. */
export type Told = "done" | "absent" | "unknown"

/** Runs one statement and gives its rows. */
export type Ask = (sql: string) => Promise<Iterable<Record<string, unknown>>>

/** Everything that is not as it was told: sentences. */
export async function violations(ask: Ask, told: ReadonlyMap<string, Told>): Promise<string[]> {
  const found: string[] = []
  const counts = new Map<string, number>()
  for (const { id } of await ask("select id from entries")) counts.set(String(id), (counts.get(String(id)) ?? 0) + 1)
  for (const [id, count] of counts) {
    if (count > 1) found.push(`${id} was written ${count} times.`)
    if (!told.has(id)) found.push(`${id} was written, and nobody knows of it.`)
    if (told.get(id) === "absent") found.push(`${id} is there, and its writer was told that it is not.`)
  }
  for (const [id, outcome] of told) {
    if (outcome === "done" && !counts.has(id)) found.push(`${id} is not there, and its writer was told that it is.`)
  }
  const [accounts] = [...(await ask("select sum(balance) as total from accounts"))]
  const total = Number(accounts!.total)
  if (total !== sizes.accounts * balance) found.push(`The accounts have ${total} together.`)
  return found
}
