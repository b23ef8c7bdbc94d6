import {
  BaseConnection,
  type FailureAction,
  type OptionsLayer,
  type SourceIdentity,
  sourceIdentity,
  tableCodec,
} from "../core/index.ts"
import { isMooringError, type Outcome, TimeoutError } from "../errors.ts"
import type { Table, ValueOptions } from "../tables/index.ts"
import { withDeadline } from "../util/abort.ts"
import { toMilliseconds } from "../util/duration.ts"
import { stableKey } from "../util/stable-key.ts"
import { traced } from "../util/tracing.ts"
import { warnOnce } from "../util/warn.ts"
import { type ResolvedSql, toSqlConfig } from "./config.ts"
import {
  bindTargetOf,
  type Dialect,
  type Progress,
  type RunOptions,
  type RunResult,
  type Source,
  type Statement,
  type TransactionOptions,
} from "./dialect.ts"
import { dialects } from "./dialects/index.ts"
import { type Borrowed, SqlEngine } from "./engine.ts"
import type { CallOptions, QueryOptions, SqlText } from "./options.ts"
import type { Params } from "./params.ts"
import { toQueryError } from "./query-error.ts"
import { Session } from "./session.ts"
import { callProviders, type SqlOptions } from "./sql-options.ts"
import type { OpenStream } from "./table-stream.ts"
import { toStatement } from "./template.ts"

type Limits = Pick<RunOptions, "maxRows" | "maxBytes">

/** What is configured and where the data is, known without connecting. */
interface Target extends ResolvedSql {
  readonly source: Source
}

const never = new AbortController().signal
const unlimited: Limits = { maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }
const keeping = { codec: tableCodec, sizeOf: (table: Table) => table.byteLength } as const

/** What stands behind the public methods of a SQL connection: its target, its borrowing, its retries. */
export abstract class SqlCore<DB> extends BaseConnection<SqlEngine, SqlOptions> {
  #target: Target | undefined
  readonly #watchers = new Map<string, Set<(progress: Progress) => void>>()

  /** Configuration and place, computed once and again after the section has changed. */
  protected get _target(): Target {
    if (!this.#target) {
      const resolved = this.#configure(this._describeOptions().layers)
      this.#target = { ...resolved, source: resolved.dialect.source(resolved.config) }
    }
    return this.#target
  }

  /** How values appear unless a call says otherwise. */
  protected get _values(): ValueOptions | undefined {
    return (this._target.values as ValueOptions | undefined) ?? this._environment.settings.values
  }

  /** Runs `work` under the call's signal and deadline, if it has any. */
  protected _within<T>(options: CallOptions, work: (signal: AbortSignal | undefined) => Promise<T>): Promise<T> {
    const { signal, timeout } = options
    if (timeout === undefined) return work(signal)
    const wait = toMilliseconds(timeout, "timeout")
    const late = `A call on connection "${this.connectionName}" took longer than its timeout of ${wait / 1000} s.`
    return withDeadline({ signal, timeout: wait }, late, work)
  }

  /** A read through the cache. */
  protected _read(sql: SqlText, options: QueryOptions, signal: AbortSignal | undefined): Promise<Table> {
    const { params, maxRows = unlimited.maxRows, maxBytes = unlimited.maxBytes, onProgress } = options
    const statement = this._bind(sql, params)
    const limits = { maxRows, maxBytes }
    if (options.readOnly === false) {
      return this.#attempt(statement, { ...limits, readOnly: false, onProgress }, signal).then(({ table }) => table)
    }
    const group = groupOf(sql, statement)
    const key = readKey(statement.values, params, limits)
    const unwatch = onProgress && this.#watch(group + key, onProgress)
    const read = async (shared: AbortSignal) => {
      const watchers = this.#watchers.get(group + key)
      const tell =
        watchers &&
        ((progress: Progress) => {
          for (const watcher of watchers) watcher(progress)
        })
      const { table } = await this.#attempt(statement, { ...limits, readOnly: true, onProgress: tell }, shared)
      return table
    }
    const { ttl = this.#defaultTtl(), fresh, staleWhileRevalidate, staleIfError } = options
    const ages = { ttl, fresh, staleWhileRevalidate, staleIfError }
    const reading = this._cached<Table>(
      key,
      { ...ages, ...keeping, mayServeStaleOn: this.#unreachable, signal },
      read,
      group,
    )
    return unwatch ? reading.finally(unwatch) : reading
  }

  /** Only a database that cannot be reached is covered up by an older result, never one that says no. */
  readonly #unreachable = (error: unknown): boolean =>
    error instanceof TimeoutError || ["lost", "wait"].includes(this._classify(error))

  protected _bind(sql: SqlText, params: Params | undefined): Statement {
    return toStatement(sql, params, bindTargetOf(this._target.dialect))
  }

  /** A statement that may change something: tried again only while it cannot have reached the database. */
  protected _runOnce(statement: Statement, signal: AbortSignal | undefined): Promise<RunResult> {
    return this.#attempt(statement, { ...unlimited, readOnly: false }, signal)
  }

  /** Forgets kept results: of one statement with these params, of one statement, or of this source. */
  protected async _forget(sql: SqlText | undefined, params: Params | undefined): Promise<void> {
    const { cache } = this._environment
    const scope = await this._cacheScope()
    if (sql === undefined) return cache.invalidate({ scope })
    if (typeof sql === "string" && params === undefined) return cache.invalidate({ scope, group: sql })
    const statement = this._bind(sql, params)
    // Limits make results of their own, and are rarely given: the statement is forgotten with all of them.
    const group = groupOf(sql, statement)
    await cache.invalidate({ scope, group, id: readKey(statement.values, params, unlimited) })
  }

  /** A driver connection and the lease on the engine that it came from. */
  protected async _borrow(signal: AbortSignal = never): Promise<Borrowed> {
    const lease = await this._lease(signal)
    try {
      const borrowed = await lease.raw.borrow(signal)
      return {
        connection: borrowed.connection,
        release: async (used) => {
          await borrowed.release(used)
          lease.release()
        },
      }
    } catch (error) {
      lease.release()
      throw error
    }
  }

  protected async _openStream(statement: Statement, signal: AbortSignal, batchRows: number): Promise<OpenStream> {
    return this._retry(async () => {
      const borrowed = await this._borrow(signal)
      try {
        const records = await borrowed.connection.stream(statement, { signal, batchRows, readOnly: true })
        return { records, release: () => borrowed.release("session") }
      } catch (error) {
        await borrowed.release("session")
        throw error
      }
    }, signal)
  }

  protected _session(options: TransactionOptions, signal: AbortSignal | undefined): Session<DB> {
    const { dialect, config } = this._target
    return new Session<DB>(
      {
        name: this.connectionName,
        dialect,
        autocommit: config.autocommit,
        values: this._values,
        borrow: (within) => this._borrow(within),
        committed: () => this._committed(),
      },
      options,
      signal,
    )
  }

  /** What queries answered before is no longer served, in this process and in shared stores. */
  protected async _committed(): Promise<void> {
    await this._environment.cache.invalidate({ scope: await this._cacheScope() })
  }

  protected _translate(error: unknown, details: { attempts?: number; outcome?: Outcome } = {}): Error {
    return toQueryError(error, this._target.dialect, { connection: this.connectionName, ...details })
  }

  protected async _connect(_options: SqlOptions, { signal }: { signal: AbortSignal }): Promise<SqlEngine> {
    const { layers } = await this._resolveOptions(signal)
    const called = layers.map(async (layer) => ({ ...layer, values: await callProviders(layer.values) }))
    const { config, dialect, echo } = this.#configure(await Promise.all(called))
    try {
      return await SqlEngine.open(dialect, config, { name: this.connectionName, echo, signal })
    } catch (error) {
      throw toQueryError(error, dialect, { connection: this.connectionName, outcome: "notRun" })
    }
  }

  protected override _disconnect(engine: SqlEngine): Promise<void> {
    return engine.close()
  }

  protected override _ping(engine: SqlEngine, { signal }: { signal: AbortSignal }): Promise<void> {
    return engine.ping(signal)
  }

  protected override _classify(error: unknown): FailureAction {
    const cause = isMooringError(error) ? error.cause : error
    return cause === undefined ? "fatal" : this._target.dialect.classify(cause).action
  }

  protected override async _sourceIdentity(): Promise<SourceIdentity> {
    const { source, config } = this._target
    const { username, password } = config
    const identity = await sourceIdentity(`sql ${config.dialect}`, { ...source.identity, username, password })
    return { ...identity, perGeneration: source.ephemeral, local: source.local }
  }

  protected override _location(): string | undefined {
    return this._target.source.label
  }

  protected override _sectionChanged(): void {
    this.#target = undefined
  }

  async #attempt(
    statement: Statement,
    options: Omit<RunOptions, "signal">,
    signal: AbortSignal = never,
  ): Promise<RunResult> {
    let attempts = 0
    let sent = false
    const attempt = () => {
      attempts++
      sent = false
      return this._use(
        (engine) =>
          engine.withConnection(signal, (connection) => {
            sent = true
            return connection.run(statement, { ...options, signal })
          }),
        { signal },
      )
    }
    const event = () => ({ connection: this.connectionName, dialect: this._target.dialect.name, sql: statement.text })
    try {
      // What may have reached the database is repeated only if it reads.
      return await traced("query", event, () => this._retry(attempt, signal, () => options.readOnly || !sent))
    } catch (error) {
      const outcome = !sent ? "notRun" : !options.readOnly && this._classify(error) === "lost" ? "unknown" : "failed"
      throw this._translate(error, { attempts, outcome })
    }
  }

  #configure(layers: readonly OptionsLayer[]): ResolvedSql {
    const { projectDir, secrets } = this._environment
    const context = { connection: this.connectionName, projectDir, places: secrets.places }
    const own = outsideDialect(layers)
    const known = own ? [own, ...dialects] : dialects
    const named = layers.map(({ source, values }) => ({ source, values: nameDialect(values) }))
    const resolved = toSqlConfig(named, known, context)
    for (const warning of resolved.warnings) {
      warnOnce(`${this.connectionName}: ${warning}`, `Connection "${this.connectionName}": ${warning}`)
    }
    return resolved
  }

  #defaultTtl(): string | number {
    return (this._target.queryTtl as string | undefined) ?? this._environment.settings.cache?.ttl ?? 0
  }

  #watch(key: string, watcher: (progress: Progress) => void): () => void {
    const watchers = this.#watchers.get(key) ?? new Set()
    this.#watchers.set(key, watchers.add(watcher))
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0) this.#watchers.delete(key)
    }
  }
}

function groupOf(sql: SqlText, { text }: Statement): string {
  return typeof sql === "string" ? sql : `sql\`${text}`
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

/** The part of a key below the statement: how params were given, their typed values, and limits where there are any. */
export function readKey(values: readonly unknown[], params: Params | undefined, limits: Limits): string {
  const mode = params === undefined ? "" : Array.isArray(params) ? "?" : ":"
  const bounds = limits.maxRows === unlimited.maxRows && limits.maxBytes === unlimited.maxBytes ? "" : stableKey(limits)
  return values.length === 0 ? mode + bounds : mode + bounds + stableKey(values)
}
