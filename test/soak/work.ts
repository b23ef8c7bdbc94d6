import { isMooringError, QueryError, type QueryErrorKind, type SQLConnection, type Table } from "mooring"
import { nameOf, sizes, type Told } from "./ledger.ts"
import { Random } from "./random.ts"

/** Kinds of failures that faults and other writers bring about; no statement of the soak gives another reason. */
const byFaults: readonly QueryErrorKind[] = ["connection", "deadlock", "interrupted", "locked", "serialization"]

/** What the work of one process has come to. */
export class Findings {
  readonly work: Record<string, number> = {}
  readonly errors: Record<string, number> = {}
  readonly violations: string[] = []

  count(tally: Record<string, number>, key: string): void {
    tally[key] = (tally[key] ?? 0) + 1
  }

  /** Counts what a fault brings about. Any other error is a violation. */
  error(connection: string, kind: string, error: unknown): void {
    if (isQueryError(error) && byFaults.includes(error.kind)) {
      this.count(this.errors, `${kind}: ${error.code} ${error.kind}, ${error.outcome}`)
    } else if (isMooringError(error) && !isQueryError(error)) this.count(this.errors, `${kind}: ${error.code}`)
    else this.violations.push(`${connection}, ${kind}: ${String(error)}`)
  }
}

/** One line of work on one connection: draws what to do, does it, and compares. */
export class Work {
  readonly told: Map<string, Told> = new Map()
  readonly #name: string
  readonly #pets: SQLConnection
  readonly #worker: number
  readonly #line: number
  readonly #findings: Findings
  readonly #random: Random
  /** The version of each of this line's own names that is known to be written. */
  readonly #written: number[] = Array.from({ length: sizes.names }, () => 0)
  #entries = 0

  /** @param line tells the lines of work of all connections of a process apart. */
  constructor(name: string, pets: SQLConnection, worker: number, line: number, seed: number, findings: Findings) {
    this.#name = name
    this.#pets = pets
    this.#worker = worker
    this.#line = line
    this.#findings = findings
    this.#random = new Random(seed)
  }

  /** Does one thing. Never throws. */
  async step(): Promise<void> {
    const [kind, act] = this.#random.pick<readonly [string, () => Promise<void>]>([
      [40, ["cached read", () => this.#read("10s")]],
      [10, ["read", () => this.#read(0)]],
      [15, ["write", () => this.#write()]],
      [10, ["raise a version", () => this.#raise()]],
      [10, ["transfer", () => this.#transfer()]],
      [6, ["session", () => this.#session()]],
      [6, ["stream", () => this.#stream()]],
      [2, ["wrong query", () => this.#wrong()]],
      [2, ["abandoned query", () => this.#abandon()]],
      [0.3, ["reset", () => this.#pets.reset({ timeout: "5s" })]],
    ])
    try {
      await act()
      this.#findings.count(this.#findings.work, kind)
    } catch (error) {
      this.#findings.error(this.#name, kind, error)
    }
  }

  async #read(ttl: string | number): Promise<void> {
    const index = this.#random.below(sizes.names)
    const name = this.#nameOf(index)
    const atLeast = this.#written[index]!
    const rows = await this.#pets.query("select name, version from versions where name = :name", {
      params: { name },
      ttl,
      timeout: "20s",
    })
    this.#expectVersion(rows, name, atLeast)
  }

  #expectVersion(rows: Table, name: string, atLeast: number): void {
    const [row] = rows.toArray() as { name: string; version: number }[]
    if (row?.name !== name) this.#violation(`asked for ${name}, and read ${row?.name}`)
    else if (row.version < atLeast) this.#violation(`${name} had version ${atLeast}, and then ${row.version}`)
  }

  async #write(): Promise<void> {
    const id = this.#newEntry("write")
    await this.#telling(id, () => this.#pets.execute("insert into entries values (:id)", { id }, { timeout: "20s" }))
  }

  /** A name has one writer, so that each version comes after the one before. */
  async #raise(): Promise<void> {
    const index = this.#random.below(sizes.names)
    const version = this.#written[index]! + 1
    const name = this.#nameOf(index)
    // An earlier raise may have been written without an answer; then this one changes nothing.
    const { rowCount } = await this.#pets.execute(
      "update versions set version = :version where name = :name and version < :version",
      { version, name },
      { timeout: "20s" },
    )
    if (rowCount > 1) this.#violation(`raising ${name} changed ${rowCount} rows`)
    this.#written[index] = version
  }

  async #transfer(): Promise<void> {
    const id = this.#newEntry("transfer")
    // In one order, so that deadlocks are the exception.
    const [from, to] = [this.#random.below(sizes.accounts), this.#random.below(sizes.accounts)].sort((a, b) => a - b)
    const amount = this.#random.below(100)
    await this.#telling(id, () =>
      this.#pets.transaction(
        async (tx) => {
          await tx.execute("update accounts set balance = balance - :amount where id = :from", { amount, from })
          await tx.execute("update accounts set balance = balance + :amount where id = :to", { amount, to })
          await tx.execute("insert into entries values (:id)", { id })
        },
        { timeout: "20s" },
      ),
    )
  }

  async #session(): Promise<void> {
    const id = this.#newEntry("session")
    const keeps = this.#random.next() < 0.5
    // What is not committed is not there, whatever happens.
    this.told.set(id, "absent")
    await using session = this.#pets.session
    const given = await session.scalar<number>("select n from numbers where n = :n", { params: { n: 7 } })
    if (Number(given) !== 7) this.#violation(`a session asked for 7, and read ${given}`)
    await session.execute("insert into entries values (:id)", { id })
    if (keeps) await this.#telling(id, () => session.commit())
    else await session.rollback()
  }

  async #stream(): Promise<void> {
    const leaveAt = this.#random.next() < 0.3 ? this.#random.below(sizes.numbers) : sizes.numbers
    let next = 0
    const options = { batchRows: 512, timeout: "20s" } as const
    for await (const batch of this.#pets.stream("select n from numbers order by n", options)) {
      for (const { n } of batch as Iterable<{ n: number }>) {
        if (n !== next) return this.#violation(`a stream gave ${n} where ${next} comes next`)
        next++
      }
      if (next > leaveAt) return
    }
    if (next !== sizes.numbers) this.#violation(`a stream ended after ${next} rows`)
  }

  async #wrong(): Promise<void> {
    try {
      await this.#pets.query(`select wrong_${this.#random.below(1000)} from numbers`, { timeout: "20s" })
      this.#violation("a wrong query gave rows")
    } catch (error) {
      if (!isQueryError(error) || error.kind !== "missing") throw error
    }
  }

  /** The caller leaves; the statement is cancelled, and its connection serves others. */
  async #abandon(): Promise<void> {
    const reason = new Error("left")
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(reason), this.#random.below(30))
    try {
      const sql = "select count(*) as n from numbers a, numbers b where a.n + b.n = -1"
      await this.#pets.query(sql, { signal: controller.signal, timeout: "20s" })
    } catch (error) {
      if (error !== reason) throw error
    } finally {
      clearTimeout(timer)
    }
  }

  #nameOf(index: number): string {
    return nameOf(this.#worker, this.#line, index)
  }

  #newEntry(kind: string): string {
    return `${this.#worker}.${this.#line}-${kind}-${++this.#entries}`
  }

  async #telling(id: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act()
      this.told.set(id, "done")
    } catch (error) {
      this.told.set(id, outcomeOf(error))
      throw error
    }
  }

  #violation(what: string): void {
    this.#findings.violations.push(`${this.#name}: ${what}.`)
  }
}

/** An error that names no outcome came before anything was sent, unless it is the end of the caller's patience. */
function outcomeOf(error: unknown): Told {
  if (isQueryError(error)) return error.outcome === "unknown" ? "unknown" : "absent"
  return isMooringError(error) && (error.code === "TIMEOUT" || error.code === "ABORTED") ? "unknown" : "absent"
}

function isQueryError(error: unknown): error is QueryError {
  return error instanceof QueryError
}
