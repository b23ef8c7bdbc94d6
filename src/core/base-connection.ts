import { inspect } from "node:util"
import { copyData, type ReadOptions, sizeOfData } from "../cache/index.ts"
import { isMooringError, MooringError } from "../errors.ts"
import { withDeadline } from "../util/abort.ts"
import { type Duration, toMilliseconds } from "../util/duration.ts"
import { stableKey } from "../util/stable-key.ts"
import { traced } from "../util/tracing.ts"
import { classifySocketError } from "./classify.ts"
import { type ConnectionControl, type Controlled, control, type RegistryEntry } from "./control.ts"
import { currentEnvironment, type Environment } from "./environment.ts"
import { type Lease, Lifecycle } from "./lifecycle.ts"
import type { CachedOptions, ReleaseOptions, Scope, UseOptions } from "./options.ts"
import { describeOptions, ownOptions, type ResolvedOptions, resolveOptions } from "./resolve-options.ts"
import { type FailureAction, withRetries } from "./retry.ts"
import { currentSession, onSessionEnd, requireSession } from "./sessions.ts"
import { type SourceIdentity, sourceIdentity } from "./source-identity.ts"
import { SourceScope } from "./source-scope.ts"
import { sharedTables } from "./table-codec.ts"

const defaultRelease = 30

/**
 * A named connection to anything. Subclasses write one method, `_connect`, and get secrets, one shared raw connection,
 * reset, health, retries and caching for it.
 *
 * @typeParam Raw what `_connect` returns.
 * @typeParam Options the keys of the section, and of the options given to `connection()`.
 * @example
 * class PetsConnection extends BaseConnection<Client, { token: string }> {
 *   protected _connect({ token }: { token: string }) { return new Client(token) }
 *   owners(ttl = "10m") {
 *     return this._cached("owners", { ttl }, () => this._use((client) => client.owners(), { retry: true }))
 *   }
 * }
 */
export abstract class BaseConnection<Raw = unknown, Options extends object = Record<string, unknown>>
  implements Controlled
{
  /** The brand of connection classes, the same in every copy of the package. */
  static readonly [control]: true = true
  /** Who shares a connection of this class. */
  static readonly scope: Scope = "global"
  /** Names the class for the registry, so that reloads of its module are known to be the same. */
  static readonly typeKey: string | undefined

  /** The name of the section. */
  readonly connectionName: string
  /** Why the last `isHealthy()` was false. */
  lastError: Error | undefined
  readonly [control]: ConnectionControl
  /** Closes a connection made with `new`. A shared connection has none: it is not its borrower's to close. */
  declare [Symbol.asyncDispose]: () => Promise<void>

  readonly #environment: Environment = currentEnvironment()
  readonly #options: Readonly<Partial<Options>>
  readonly #session: string | undefined
  readonly #own: Lifecycle<Raw>
  readonly #scope: SourceScope
  #entry: RegistryEntry | undefined
  #evicted = false
  #resolved: ResolvedOptions | undefined

  /** Never connects. A connection made so is not shared: whoever made it closes it. */
  constructor(connectionName: string, options: Partial<Options> = {}) {
    this.connectionName = connectionName
    this.#options = ownOptions(options)
    const scope = (options as { scope?: Scope }).scope ?? (this.constructor as typeof BaseConnection).scope
    this.#session = scope === "session" ? requireSession(`Connection "${connectionName}"`, connectionName) : undefined
    this.#own = new Lifecycle<Raw>({
      name: connectionName,
      connect: (signal) => this.#connect(signal),
      disconnect: async (raw) => void (await this._disconnect(raw)),
    })
    this.#scope = new SourceScope({
      session: this.#session,
      identify: () => this._sourceIdentity(),
      life: () => this.#life(),
    })
    this[control] = this.#control()
    this.#environment.follow(this)
    if (this.#session !== undefined) onSessionEnd(this.#session, () => this.#sessionEnded())
    Object.defineProperty(this, Symbol.asyncDispose, { value: () => this.close(), configurable: true })
  }

  /**
   * Makes the raw connection. Runs at the first use and after each reset; never twice at once.
   *
   * @param options the section, resolved anew, with the call's options over it.
   * @param context `signal` aborts when nobody waits for the attempt any more.
   */
  protected abstract _connect(options: Options, context: { signal: AbortSignal }): Raw | Promise<Raw>

  /** Releases a raw connection. Errors are ignored: a broken one may not be able to say goodbye. */
  protected _disconnect(_raw: Raw): unknown {
    return undefined
  }

  /** Asks the other side for a sign of life; throws without one. By default, connected is healthy. */
  protected _ping(_raw: Raw, _context: { signal: AbortSignal }): unknown {
    return undefined
  }

  /**
   * What an error means: `lost`, the raw connection is broken; `wait`, the other side is not ready; `rerun`, the same
   * work may succeed now; `fatal`, trying again is of no use. By default, Node's socket errors are known.
   */
  protected _classify(error: unknown): FailureAction {
    return classifySocketError(error)
  }

  /** What `results cached under this source` means: everything that may change what is answered. */
  protected async _sourceIdentity(): Promise<SourceIdentity> {
    const { values } = this._describeOptions()
    return sourceIdentity(`${this.constructor.name} ${this.connectionName}`, values)
  }

  /** The section's content is another: what was computed from it is to be forgotten. */
  protected _sectionChanged(): void {}

  /** For displays: where the data is, such as `db.example.com:5432`. Never a secret. */
  protected _location(): string | undefined {
    return undefined
  }

  /** The raw connection, made on demand, once. It takes no lease: a later `reset()` may release it. */
  protected get _instance(): Promise<Raw> {
    try {
      return this.#life().connected()
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** This connection's section of the secrets, read-only; empty when there is none. */
  protected get _secrets(): Readonly<Record<string, unknown>> {
    return this.#resolved?.section ?? this.#environment.secrets.section(this.connectionName)?.values ?? {}
  }

  /** Runs `work` under a lease: a reset does not release the raw connection before it is done. */
  protected async _use<T>(work: (raw: Raw, lease: Lease<Raw>) => T | Promise<T>, options: UseOptions = {}): Promise<T> {
    const attempt = () =>
      this.#life().use(async (lease) => {
        try {
          return await work(lease.raw, lease)
        } catch (error) {
          if (!isMooringError(error) && this._classify(error) === "lost") lease.retire()
          throw error
        }
      }, options.signal)
    return options.retry ? this._retry(attempt, options.signal) : attempt()
  }

  /** Runs `attempt` again after `lost` and `wait`, as long as `may` allows it. */
  protected _retry<T>(attempt: () => Promise<T>, signal?: AbortSignal, may: () => boolean = () => true): Promise<T> {
    return withRetries(attempt, { classify: (error) => (may() ? this._classify(error) : "fatal"), signal })
  }

  /** Takes a lease that outlives one call, for a session or a stream. The caller releases it. */
  protected async _lease(signal?: AbortSignal): Promise<Lease<Raw>> {
    return this.#life().acquire(signal)
  }

  /**
   * The value kept under `key`, or else the result of `work`, as `query()` keeps its results: per source, one
   * execution for all who ask at once, never a failure.
   *
   * Values are plain data, of which each caller gets a copy, or tables, which all share.
   *
   * @param key plain data that names the work, or a text.
   */
  protected async _cached<T>(
    key: unknown,
    options: CachedOptions & Partial<Pick<ReadOptions<T>, "codec" | "sizeOf" | "store" | "mayServeStaleOn">>,
    work: (signal: AbortSignal) => Promise<T>,
    group = "",
  ): Promise<T> {
    const scope = this.#scope.known ?? (await this.#scope.resolve())
    const { cache } = this.#environment
    const { ttl = 0, staleWhileRevalidate, staleIfError, ...rest } = options
    const read: ReadOptions<T> = {
      sizeOf: (value) => sizeOfData(value, sharedTables),
      ...rest,
      store: this.#scope.outlivesProcess ? this.#environment.settings.cache?.store : undefined,
      ttl: toMilliseconds(ttl, "ttl"),
      staleWhileRevalidate: optionalMilliseconds(staleWhileRevalidate, "staleWhileRevalidate"),
      staleIfError: optionalMilliseconds(staleIfError, "staleIfError"),
    }
    const kept = await cache.read({ scope, group, id: typeof key === "string" ? key : stableKey(key) }, read, work)
    return copyData(kept, sharedTables)
  }

  /**
   * Makes the next use connect anew, from this call on. The promise resolves when the old raw connection is released:
   * after its users are done or, at `timeout`, cut off. Cached results stay.
   */
  async reset({ timeout = defaultRelease }: ReleaseOptions = {}): Promise<void> {
    const wait = toMilliseconds(timeout, "timeout")
    await traced(
      "reset",
      () => ({ connection: this.connectionName, why: "asked" }),
      () => this.#life().reset(wait),
    )
  }

  /** As `reset()`, for good: the connection leaves the registry, and later use is an error (`CLOSED`). */
  async close({ timeout = defaultRelease }: ReleaseOptions = {}): Promise<void> {
    await this[control].close(toMilliseconds(timeout, "timeout"))
  }

  /**
   * True if the other side answers. Connects if needed. Never throws: the reason of a `false` is on `lastError`.
   */
  async isHealthy({ timeout }: ReleaseOptions = {}): Promise<boolean> {
    const wait = optionalMilliseconds(timeout, "timeout")
    const late = `Connection "${this.connectionName}" gave no sign of life within ${wait} ms.`
    try {
      await withDeadline({ timeout: wait }, late, (signal) =>
        this._use((raw) => this._ping(raw, { signal }), { signal }),
      )
      this.lastError = undefined
      return true
    } catch (error) {
      this.lastError = error instanceof Error ? error : new Error(String(error))
      return false
    }
  }

  /** Name, class, place and origin. Never a secret, and no reference is read for it. */
  toJSON(): Record<string, string> {
    const shown: Record<string, string> = { name: this.connectionName, class: this.constructor.name }
    const location = this._location()
    const origin = this.#origin()
    if (location !== undefined) shown.location = location
    if (origin !== undefined) shown.configuredFrom = origin
    return shown
  }

  [inspect.custom](): string {
    const { name, class: className, location, configuredFrom } = this.toJSON()
    const place = location === undefined ? "" : ` at ${location}`
    const origin = configuredFrom === undefined ? "" : `, configured from ${configuredFrom}`
    return `${className} "${name}"${place}${origin}`
  }

  [Symbol.for("Deno.customInspect")](): string {
    return this[inspect.custom]()
  }

  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return { "text/plain": this[inspect.custom]() }
  }

  /** The environment that this connection was made in. */
  protected get _environment(): Environment {
    return this.#environment
  }

  /** The section's layers with the call's options on top, references read anew. */
  protected async _resolveOptions(signal?: AbortSignal): Promise<ResolvedOptions> {
    return resolveOptions(this.#environment, this.connectionName, this.#options, signal)
  }

  /** The same without reading a reference: each is the text that says what it refers to. */
  protected _describeOptions(): ResolvedOptions {
    return describeOptions(this.#environment, this.connectionName, this.#options)
  }

  /** The part of the cache where this connection's results are kept. */
  protected _cacheScope(): Promise<string> {
    return this.#scope.resolve()
  }

  async #connect(signal: AbortSignal): Promise<Raw> {
    return traced(
      "connect",
      () => ({ connection: this.connectionName, class: this.constructor.name }),
      async () => {
        this.#resolved = await this._resolveOptions(signal)
        return this._connect(this.#resolved.values as Options, { signal })
      },
    )
  }

  /** The lifecycle to use now: this handle's own or, if another took its place in the registry, that one's. */
  #life(): Lifecycle<Raw> {
    if (this.#session !== undefined && currentSession() !== this.#session) this.#refuseForeignSession()
    if (!this.#evicted || this.#entry === undefined || this.#own.closed) return this.#own
    const holder = this.#environment.registry.readmit(this.#entry)
    return holder.connection === this ? this.#own : (holder.connection[control].lifecycle as Lifecycle<Raw>)
  }

  #refuseForeignSession(): never {
    requireSession(`Connection "${this.connectionName}"`, this.connectionName)
    throw new MooringError("NO_SESSION", `Connection "${this.connectionName}" belongs to another session.`, {
      connection: this.connectionName,
      hint: `Call connection("${this.connectionName}") again in each session; do not keep the object.`,
    })
  }

  #control(): ConnectionControl {
    const release = (lifecycle: Lifecycle<Raw>) => void lifecycle.reset(defaultRelease * 1000, { background: true })
    return {
      name: this.connectionName,
      lifecycle: this.#own as Lifecycle<unknown>,
      connect: async (signal) => {
        const life = this.#life()
        if (!life.connectedOnce) await life.connected(signal)
      },
      evicted: () => {
        this.#evicted = true
        release(this.#own)
      },
      registered: (entry) => {
        this.#entry = entry
        this.#evicted = false
        delete (this as { [Symbol.asyncDispose]?: unknown })[Symbol.asyncDispose]
      },
      sectionChanged: () => {
        this.#forgetSource()
        release(this.#own)
      },
      close: async (timeout) => {
        if (this.#entry) this.#environment.registry.forget(this.#entry)
        await this.#own.close(timeout)
      },
    }
  }

  #forgetSource(): void {
    const scope = this.#scope.known
    this.#scope.forget()
    this.#resolved = undefined
    this._sectionChanged()
    if (scope !== undefined) void this.#environment.cache.invalidate({ scope })
  }

  async #sessionEnded(): Promise<void> {
    const scope = this.#scope.known
    if (this.#entry) this.#environment.registry.evict(this.#entry)
    if (scope !== undefined) await this.#environment.cache.invalidate({ scope })
  }

  #origin(): string | undefined {
    try {
      return this.#environment.secrets.section(this.connectionName)?.origin
    } catch {
      return undefined
    }
  }
}

function optionalMilliseconds(value: Duration | undefined, what: string): number | undefined {
  return value === undefined ? undefined : toMilliseconds(value, what)
}
