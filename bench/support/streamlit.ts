import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Absent, type Sample } from "../case.ts"

const packages = ["streamlit", "sqlalchemy", "psycopg2-binary", "pymysql", "pandas"]

/** What `streamlit-peer.py` is to measure. */
export interface StreamlitTask {
  /** `read`: a query, uncached; `hit`: the same query again, cached; `connection`: `st.connection()` again. */
  readonly work: "read" | "hit" | "connection"
  /** Of SQLAlchemy. */
  readonly url: string
  readonly sql: string
  /** Values for `:key` in `sql`: counted from 1 to as many as there are repetitions. */
  readonly counted?: boolean
  /** How often: the mean counts, in milliseconds for one and microseconds for many. */
  readonly repetitions: number
  /** What the query has to give. */
  readonly rows: number
}

/** Measures Streamlit in a Python of its own. */
export async function streamlit(task: StreamlitTask): Promise<Sample> {
  const script = join(import.meta.dirname, "streamlit-peer.py")
  const { stdout, stderr, status } = spawnSync(python(), [script, JSON.stringify(task)], { encoding: "utf8" })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Sample
}

/** The Python of a virtual environment with Streamlit, which is made once and kept with the temporary files. */
export function python(): string {
  const folder = join(tmpdir(), "mooring-bench-python")
  const program = join(folder, "bin", "python")
  if (existsSync(join(folder, "ready"))) return program
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  must("python3", ["-m", "venv", folder], "python3 with venv")
  must(program, ["-m", "pip", "install", "--quiet", ...packages], "Streamlit from PyPI")
  writeFileSync(join(folder, "ready"), "")
  return program
}

function must(program: string, args: readonly string[], what: string): void {
  const { error, status } = spawnSync(program, args, { stdio: "ignore" })
  if (error || status !== 0) throw new Absent(`${what} could not be had`)
}
