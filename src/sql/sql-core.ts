import {
  BaseConnection,
  control,
  type FailureAction,
  keepSession,
  type Lease,
  type OptionsLayer,
  type SourceIdentity,
  sharedTables,
  sourceIdentity,
  tableCodec,
} from "../core/index.ts"
import { isMooringError } from "../errors.ts"
import type { Table, ValueOptions } from "../tables/index.ts"
import { abortable, never } from "../util/abort.ts"
import { type AttemptHost, attempting } from "./attempts.ts"
import { underLimits } from "./call-limits.ts"
import type { ResolvedSql } from "./config.ts"
import {
  capabilitiesOf,
  type RunOptions,
  type RunResult,
  type Statement,
  type StreamShape,
  type TransactionOptions,
} from "./dialect.ts"
import { type Borrowed, SqlEngine } from "./engine.ts"
import { holder } from "./held-too-long.ts"
import { Lender } from "./lender.ts"
import type { CallOptions, QueryOptions, SqlText } from "./options.ts"
import type { Params } from "./params.ts"
import { actionOf, toConnectError, toProviderError, toQueryError } from "./query-error.ts"
import { groupOf, ProgressWatchers, readKey, SeenLimits, unlimited } from "./read-key.ts"
import { bound } from "./report.ts"
import { Session } from "./session.ts"
import type { SessionKind } from "./session-transaction.ts"
import { callProviders, describeProviders, type SqlOptions } from "./sql-options.ts"
import { notKnownYet, resolveSql, type Target, targetOf } from "./sql-target.ts"
import type { OpenStream } from "./table-stream.ts"
import { noticed, streamEnd } from "./told-stream.ts"

/** What stands behind the public methods of a SQL connection: its target, its borrowing, its retries. */
export abstract class SqlCore<DB> extends BaseConnection<SqlEngine, SqlOptions> {
  #target: Target | undefined
  readonly #watchers = new ProgressWatchers()
  readonly #limits = new SeenLimits()
  readonly #lender = new Lender((error) => this._classify(error))

  /** Configuration and place, computed once and again after the section has changed. */
  protected get _target(): Target {
    if (!this.#target) {
      const { layers, fetched } = this._describeOptions()
      if (fetched.has("url")) throw notKnownYet(this.connectionName)
      const described = layers.map((layer) => ({ ...layer, values: describeProviders(layer.values) }))
      this.#target = targetOf(this.#configure(described), this.connectionName)
    }
    return this.#target
  }

  /** False where a url must be fetched first to know what database it is. */
  protected get _isKnown(): boolean {
    return this.#target !== undefined || !this._describeOptions().fetched.has("url")
  }

  /** How values appear unless a call says otherwise. */
  protected get _values(): ValueOptions | undefined {
    const common = this._environment.settings.values
    const own = this._target.values as ValueOptions | undefined
    return common && own ? { ...common, ...own } : (own ?? common)
  }

  /** Runs `work` under the call's signal and deadline, if it has any. Who gives up is told at once. */
  protected _within<T>(options: CallOptions, work: (signal: AbortSignal | undefined) => Promise<T>): Promise<T> {
    return this._linked(options, (signal) => abortable(work(signal), signal))
  }

  /** How long a connection may be kept before a warning says so; milliseconds. */
  protected get _leakWarning(): number {
    return this._isKnown ? this._target.leakWarning : Number.POSITIVE_INFINITY
  }

  /** A read through the cache, which answers in time by itself: a deadline may be covered up by an older result. */
  protected _read(sql: SqlText, options: QueryOptions): Promise<Table> {
    if (options.readOnly !== false) return this._linked(options, (signal) => this.#readCached(sql, options, signal))
    return this._within(options, (signal) => this.#readAndChange(sql, options, signal))
  }

  /** The same for work that itself ends with the signal. What it gives is never dropped. */
  protected _linked<T>(options: CallOptions, work: (signal: AbortSignal | undefined) => Promise<T>): Promise<T> {
    return underLimits(this.connectionName, options, work)
  }

  #readCached(sql: SqlText, options: QueryOptions, signal: AbortSignal | undefined): Promise<Table> {
    const { params, maxRows = unlimited.maxRows, maxBytes = unlimited.maxBytes, onProgress } = options
    const statement = this._bind(sql, params)
    const limits = { maxRows, maxBytes }
    this.#limits.note(limits)
    const group = groupOf(sql, statement)
    const key = readKey(statement.values, params, limits)
    const unwatch = onProgress && this.#watchers.add(group + key, onProgress)
    const read = (shared: AbortSignal) => {
      const tell = this.#watchers.teller(group + key)
      return this.#attempt(statement, { ...limits, readOnly: true, onProgress: tell }, shared).then(tableOf)
    }
    const { ttl = this.#defaultTtl(), fresh, staleWhileRevalidate, staleIfError } = options
    const ages = { ttl, fresh, staleWhileRevalidate, staleIfError, signal }
    const kept = { ...ages, codec: tableCodec, sizeOf: sharedTables.sizeOf, mayServeStaleOn: this.#unreachable }
    const reading = this._cached<Table>(key, kept, read, group)
    return unwatch ? reading.finally(unwatch) : reading
  }

  /** Only a database that cannot be reached is covered up by an older result, never one that says no. */
  readonly #unreachable = (error: unknown): boolean =>
    isMooringError(error, "TIMEOUT") ||
    isMooringError(error, "UNAVAILABLE") ||
    isMooringError(error, "LOCKED") ||
    ["lost", "wait"].includes(this._classify(error))

  protected _bind(sql: SqlText, params: Params | undefined): Statement {
    const { dialect, streamlit } = this._target
    return bound(sql, params, { name: this.connectionName, dialect, streamlit })
  }

  /** A statement that may change something: tried again only while it cannot have reached the database. */
  protected async _runOnce(statement: Statement, signal: AbortSignal | undefined): Promise<RunResult> {
    try {
      return await this.#attempt(statement, { ...unlimited, readOnly: false }, signal)
    } finally {
      // Also after an error: it may have taken effect all the same.
      await this._committed()
    }
  }

  /** Forgets kept results: of one statement with these params, of one statement, or of this source. */
  protected async _forget(sql: SqlText | undefined, params: Params | undefined): Promise<void> {
    if (sql === undefined) return this._committed()
    if (typeof sql === "string" && params === undefined) return this.#invalidate({ group: sql })
    const statement = this._bind(sql, params)
    const group = groupOf(sql, statement)
    // Other processes may have named limits that this one knows nothing of.
    const limits = this._environment.settings.cache?.store ? undefined : this.#limits.all()
    if (!limits) return this.#invalidate({ group })
    const ids = limits.map((each) => readKey(statement.values, params, each))
    await Promise.all(ids.map((id) => this.#invalidate({ group, id })))
  }

  /**
   * Borrows for the present caller, who is named when it takes too long. Nothing was sent, so it may be tried again.
   *
   * @param raw whether the driver's own connection is handed out.
   */
  protected _borrowing({ raw = false }: { raw?: boolean } = {}): (signal?: AbortSignal) => Promise<Borrowed> {
    const held = holder({ connection: this.connectionName, limit: this._leakWarning })
    const inSession = keepSession()
    return async (signal = never) => held(await inSession(() => this._retry(() => this.#borrow(signal, raw), signal)))
  }

  protected _openStream(statement: Statement, signal: AbortSignal, shape: StreamShape): Promise<OpenStream> {
    const attempt = async (send: () => void): Promise<OpenStream> => {
      const borrowed = await this.#borrow(signal)
      send()
      try {
        const records = await borrowed.connection.stream(statement, { signal, ...shape, readOnly: true })
        const told = noticed(records, signal, (error) => this._translate(error, statement))
        return { records: told, release: () => borrowed.release("session") }
      } catch (error) {
        if (this._classify(error) === "lost") borrowed.lost()
        await borrowed.release("session")
        throw error
      }
    }
    return attempting(this.#attempts, statement, { repeatable: true, signal }, attempt, (it) => streamEnd(it.records))
  }

  protected _session(options: TransactionOptions, { signal, ...kind }: SessionKind): Session<DB> {
    const { connectionName: name, _values: values } = this
    const { dialect, streamlit } = this._target
    const parts = { name, dialect, streamlit, values, borrow: this._borrowing() }
    const { isolation, ignoresCommit = false } = this._target.config
    const standard = { autocommit: false, inCallback: false, ignoresCommit }
    const host = { ...standard, ...kind, ...parts, committed: () => this._committed() }
    const level = isolation !== undefined && !kind.autocommit ? { isolation } : {}
    return new Session<DB>(host, { ...level, ...options }, signal)
  }

  /** What queries answered before is no longer served, in this process and in shared stores. */
  protected _committed(): Promise<void> {
    return this.#invalidate({})
  }

  protected _translate(error: unknown, statement: Statement): unknown {
    return toQueryError(error, this._target.dialect, { connection: this.connectionName, statement })
  }

  protected async _connect(_options: SqlOptions, { signal }: { signal: AbortSignal }): Promise<SqlEngine> {
    const { layers, fetched } = await this._resolveOptions(signal)
    const called = await callProviders(layers)
    this._hide(called.secrets)
    if (called.failed) throw toProviderError(called.failed, this._classify(called.failed.error), this.connectionName)
    const resolved = this.#configure(called.layers)
    const { config, dialect, echo } = resolved
    if (fetched.has("url")) this.#target = targetOf(resolved, this.connectionName)
    const gate = capabilitiesOf(dialect).embedded ? undefined : this[control].gate
    try {
      const host = { name: this.connectionName, places: this.#lender.places, gate }
      return await SqlEngine.open(dialect, config, { ...host, echo, signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : toConnectError(error, dialect, this.connectionName)
    }
  }

  protected override _disconnect(engine: SqlEngine): Promise<void> {
    return engine.close()
  }

  /** Its connects are made by the pool, each in its turn. */
  protected override _inTurn(open: () => Promise<SqlEngine>): Promise<SqlEngine> {
    return open()
  }

  protected override _ping(engine: SqlEngine, { signal }: { signal: AbortSignal }): Promise<void> {
    return engine.ping(signal)
  }

  protected override _broken(lease: Lease<SqlEngine>): void {
    this.#lender.broken(lease)
  }

  protected override _classify(error: unknown): FailureAction {
    if (this.#lender.isOutdated(error)) return "lost"
    return this._isKnown ? actionOf(error, this._target.dialect) : super._classify(error)
  }

  protected override async _sourceIdentity(): Promise<SourceIdentity> {
    const { source, config } = this._target
    const { values, fetched } = this._describeOptions()
    const { username, password, isolation } = config
    const level = isolation === undefined ? {} : { isolation }
    // What is fetched counts by where it comes from, so that a token in it may change.
    const counted = fetched.has("url") ? { url: values.url } : { ...source.identity, username, password, ...level }
    const identity = await sourceIdentity(`sql ${config.dialect}`, counted)
    return { ...identity, perGeneration: source.ephemeral, local: source.local || fetched.has("url") }
  }

  protected override _location(): string | undefined {
    return this._isKnown ? this._target.source.label : undefined
  }

  protected override _sectionChanged(): void {
    this.#target = undefined
  }

  async #borrow(signal: AbortSignal, raw: boolean = false): Promise<Borrowed> {
    const lease = await this._lease(signal)
    return raw ? this.#lender.borrowRaw(lease, signal) : this.#lender.borrow(lease, signal)
  }

  async #readAndChange(sql: SqlText, options: QueryOptions, signal: AbortSignal | undefined): Promise<Table> {
    const { params, onProgress, maxRows = unlimited.maxRows, maxBytes = unlimited.maxBytes } = options
    const run = { maxRows, maxBytes, onProgress, readOnly: false }
    const statement = this._bind(sql, params)
    try {
      const { table } = await this.#attempt(statement, run, signal)
      return table
    } finally {
      await this._committed()
    }
  }

  #attempt(statement: Statement, options: Omit<RunOptions, "signal">, signal = never): Promise<RunResult> {
    const limits = { repeatable: options.readOnly, signal }
    const run = { ...options, signal }
    const attempt = (send: () => void) =>
      this._use((_engine, lease) => this.#lender.run(lease, statement, run, send), { signal, mayReset: false })
    return attempting(this.#attempts, statement, limits, attempt)
  }

  get #attempts(): AttemptHost {
    const retry: AttemptHost["retry"] = (attempt, signal, may) => this._retry(attempt, signal, may)
    return { connection: this.connectionName, dialect: this._target.dialect, retry }
  }

  async #invalidate(part: { group?: string; id?: string }): Promise<void> {
    const { cache, settings } = this._environment
    // Also the store from which this process has read nothing yet: others have. What is in memory is not in it.
    const stores = settings.cache?.store && !this._target.source.ephemeral ? [settings.cache.store] : []
    await cache.invalidate({ scope: await this._cacheScope(), ...part }, stores)
  }

  #configure(layers: readonly OptionsLayer[]): ResolvedSql {
    const { projectDir, secrets } = this._environment
    return resolveSql(layers, { connection: this.connectionName, projectDir, secrets })
  }

  #defaultTtl(): string | number {
    return (this._target.queryTtl as string | undefined) ?? this._environment.settings.cache?.ttl ?? 0
  }
}

const tableOf = ({ table }: RunResult): Table => table
