import { resolve } from "node:path"
import { isMooringError, type MooringError } from "../errors.ts"
import { didYouMean } from "../util/suggest.ts"
import { homeFolder } from "../util/user.ts"
import { readOverrides } from "./environment.ts"
import { EnvExport } from "./export-env.ts"
import { type Data, harden } from "./guard.ts"
import { displayOrigin, secretsPaths } from "./paths.ts"
import { Place } from "./place.ts"
import { Poller } from "./poller.ts"
import type { Content, Section } from "./section.ts"
import { type SectionSummary, View } from "./view.ts"

/** Where secrets come from. */
export interface SecretsOptions {
  /** `.streamlit/secrets.toml` and `.mooring/secrets.toml` are looked for here; relative `files` start here. */
  readonly projectDir: string
  /** More files and folders, weakest first, stronger than those named in `MOORING_SECRETS`. */
  readonly files?: readonly string[]
  /** Secrets given in code, as a file would say them; stronger than every file. */
  readonly inline?: Readonly<Record<string, unknown>>
  /** Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv
  /** Default: the user's. */
  readonly homeDir?: string
  /**
   * Hears what is wrong and not worth an exception yet: a malformed file, a file that others can read. Each once.
   * Default: a process warning.
   */
  readonly onProblem?: (problem: MooringError) => void
  /** Also set top-level texts and numbers as environment variables, as Streamlit does. */
  readonly exportEnv?: boolean
  /** Looks at `inline` only: no files, no environment. For tests. */
  readonly isolated?: boolean
}

/** What changed: the connections whose section is not what it was. Empty if only other secrets changed. */
export interface SecretsChange {
  readonly connections: readonly string[]
}

/**
 * All secrets of a project, from the weakest source to the strongest: the home folder's files, the project's, those
 * named in `MOORING_SECRETS` and in code, secrets given in code, environment variables.
 *
 * Nothing is read before the first question. Then files are read synchronously, once, and again when they change.
 *
 * @example
 * const store = new SecretsStore({ projectDir: process.cwd() })
 * const section = store.section("pets")
 * if (section) await connect(await resolveReferences(section.values))
 */
export class SecretsStore {
  /** Every file and folder that is looked at, there or not, weakest first; for people. */
  readonly places: readonly string[]
  readonly #places: readonly Place[]
  readonly #inline: Content | undefined
  readonly #env: NodeJS.ProcessEnv
  readonly #homeDir: string | undefined
  readonly #export: EnvExport | undefined
  readonly #listeners = new Set<(change: SecretsChange) => void>()
  readonly #poller: Poller
  #view: View | undefined
  #overrides = ""

  /** @throws MooringError `SECRETS` if `inline` has refused keys or is nested too deep. */
  constructor(options: SecretsOptions) {
    const projectDir = resolve(options.projectDir)
    this.#env = options.isolated ? {} : (options.env ?? process.env)
    this.#homeDir = options.homeDir ?? homeFolder()
    const report = options.onProblem ?? warn
    const folders = { projectDir, homeDir: this.#homeDir }
    const found = () => secretsPaths(folders, this.#env.MOORING_SECRETS, options.files ?? [])
    const paths = options.isolated ? [] : found()
    this.#places = paths.map((one) => new Place(one, displayOrigin(one.path, folders), report))
    this.places = this.#places.map((place) => place.display)
    this.#inline = options.inline && inlineContent(options.inline, projectDir)
    this.#export = options.exportEnv ? new EnvExport(this.#env) : undefined
    this.#poller = new Poller(() => this.#look())
  }

  /**
   * What is configured for a connection; undefined if nothing is.
   *
   * @throws MooringError `SECRETS` if the section cannot be used, or if a file that might hold it cannot be read and
   *   never could; `BAD_CONFIG` if an environment variable fits several connections or keys.
   */
  section(name: string): Section | undefined {
    if (this.#view && this.#variablesMoved(this.#view)) this.refresh()
    const loaded = this.#view !== undefined
    const found = this.#current().section(name)
    if (found || !loaded) return found
    // The files may have appeared since; whoever asked is about to fail for want of them.
    this.refresh()
    return this.#current().section(name)
  }

  /** All configured connections, also those that cannot be used as they stand. */
  list(): readonly SectionSummary[] {
    return this.#current().list()
  }

  /**
   * The merged secrets: frozen, without prototypes. References to files and commands stay tables; a text whose
   * `${VAR}` is not set throws when it is read.
   */
  all(): Data {
    return this.#current().all()
  }

  /** The merged `[mooring]` table. */
  settings(): Data {
    return this.#current().settings()
  }

  /** The same with references to files and commands as {@link SecretReference} objects. */
  settingValues(): Data {
    return this.#current().settingValues()
  }

  /** What was probably meant by a name under which nothing is configured; a sentence, or "". */
  meant(name: string, others: readonly string[] = []): string {
    const names = this.list().map((section) => section.name)
    return this.misspelling(name) ?? didYouMean(name, [...names, ...others])
  }

  /** A sentence on a table that was probably meant as `[connections.<name>]`, as `[connection.pets]`. */
  misspelling(name: string): string | undefined {
    return this.#current().misspelling(name)
  }

  /** What is wrong with files now. Those with last good values still serve them. */
  get problems(): readonly MooringError[] {
    this.#current()
    return this.#places.flatMap((place) => place.problem ?? [])
  }

  /** Throws the problem of the strongest file that cannot be read and never could: a missing value may be in it. */
  throwIfUnread(): void {
    this.#current()
    for (const { source } of this.#places.toReversed()) if (source && "problem" in source) throw source.problem
  }

  /**
   * Looks at all sources now and takes what is new, as before a physical connect. What looks half-written is not taken.
   * Listeners hear of changes before this returns.
   */
  refresh(): void {
    if (this.#view) this.#refresh(this.#view, true)
    else this.#current()
  }

  /** Calls `listener` after changes, in any source. Files are watched while somebody listens. Gives its own undoing. */
  onChange(listener: (change: SecretsChange) => void): () => void {
    const own = (change: SecretsChange) => listener(change)
    this.#listeners.add(own)
    this.#poller.start()
    return () => {
      this.#listeners.delete(own)
      if (this.#listeners.size === 0) this.#poller.stop()
    }
  }

  /** Stops watching, and takes exported variables back. What was read stays readable. */
  close(): void {
    this.#listeners.clear()
    this.#poller.stop()
    this.#export?.undo()
  }

  #current(): View {
    if (this.#view) return this.#view
    for (const place of this.#places) place.refresh(true)
    return this.#renew()
  }

  async #look(): Promise<boolean> {
    const view = this.#view
    // Before the first question there is nothing that could have changed.
    if (!view) return false
    const moved = await Promise.all(this.#places.map((place) => place.mayHaveChanged()))
    if (!moved.includes(true) && !this.#environmentMoved(view)) return false
    return this.#refresh(this.#view ?? view, false)
  }

  #refresh(before: View, urgent: boolean): boolean {
    const outcomes = this.#places.map((place) => place.refresh(urgent))
    if (outcomes.includes("changed") || this.#environmentMoved(before)) {
      this.#tell({ connections: changedNames(before, this.#renew()) })
    }
    return outcomes.includes("waiting")
  }

  #renew(): View {
    const overrides = readOverrides(this.#env)
    const sources = this.#places.flatMap((place) => place.source ?? [])
    if (this.#inline) sources.push(this.#inline)
    this.#overrides = JSON.stringify(overrides)
    const lookup = (variable: string) => this.#lookup(variable)
    this.#view = new View({ sources, overrides, env: this.#env, lookup, homeDir: this.#homeDir })
    this.#export?.update(this.#view.all())
    return this.#view
  }

  #environmentMoved(view: View): boolean {
    return this.#variablesMoved(view) || JSON.stringify(readOverrides(this.#env)) !== this.#overrides
  }

  #variablesMoved(view: View): boolean {
    for (const [variable, value] of view.used) if (this.#lookup(variable) !== value) return true
    return false
  }

  #lookup(variable: string): string | undefined {
    const value: unknown = this.#export ? this.#export.original(variable) : this.#env[variable]
    // Inherited names such as toString are no variables.
    return typeof value === "string" ? value : undefined
  }

  #tell(change: SecretsChange): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(change)
      } catch (error) {
        // Its own mistake, reported as such; the others still hear.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}

function inlineContent(inline: Readonly<Record<string, unknown>>, projectDir: string): Content {
  const display = "configure({ secrets })"
  const data = harden(inline, display)
  const from = { references: true, streamlit: false, baseDir: projectDir, refusal: undefined }
  return { kind: "configure", display, data, ...from }
}

function changedNames(before: View, after: View): readonly string[] {
  return [...new Set([...before.names, ...after.names])].filter((name) => mark(before, name) !== mark(after, name))
}

function mark(view: View, name: string): string | undefined {
  try {
    return view.section(name)?.fingerprint
  } catch (error) {
    if (isMooringError(error)) return `problem: ${error.message}`
    throw error
  }
}

function warn(problem: MooringError): void {
  const detail = problem.hint ?? ""
  process.emitWarning(problem.message, { type: "MooringWarning", code: "MOORING", detail })
}
