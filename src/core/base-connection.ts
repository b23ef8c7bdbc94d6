import { isMooringError } from "../errors.ts"
import type { SecretSource } from "../secrets/index.ts"
import { withDeadline } from "../util/abort.ts"
import { toMilliseconds } from "../util/duration.ts"
import { inspect } from "../util/node.ts"
import { identity } from "../util/stable-key.ts"
import { traced } from "../util/tracing.ts"
import { classifySocketError } from "./classify.ts"
import { type ConnectionControl, type Controlled, control } from "./control.ts"
import { shownAsJSON, shownAsText } from "./display.ts"
import { makeDisposable } from "./disposal.ts"
import { currentEnvironment, type Environment } from "./environment.ts"
import { Handle } from "./handle.ts"
import type { Lease } from "./lifecycle.ts"
import type { HealthOptions, ReleaseOptions, Scope, UseOptions } from "./options.ts"
import { type CachedReadOptions, readCached } from "./read-cached.ts"
import { anonymousType } from "./registry.ts"
import { describeOptions, ownOptions, type ResolvedOptions, resolveOptions } from "./resolve-options.ts"
import { type FailureAction, withRetries } from "./retry.ts"
import { originalOf, Scrubber } from "./scrub.ts"
import { requireSession } from "./sessions.ts"
import { type SourceIdentity, sourceIdentity } from "./source-identity.ts"

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
  /** Keys of the section whose values no error shows, beyond those that are secret by their name. */
  static readonly secretKeys: readonly string[] = []

  /** The name of the section. */
  readonly connectionName: string
  /** Why the last `isHealthy()` was false. */
  lastError: Error | undefined
  readonly [control]: ConnectionControl
  /** Closes a connection made with `new`. A shared connection has none: it is not its borrower's to close. */
  declare [Symbol.asyncDispose]: () => Promise<void>

  readonly #environment: Environment = currentEnvironment()
  readonly #options: Readonly<Partial<Options>>
  readonly #handle: Handle<Raw>
  #resolved: ResolvedOptions | undefined
  readonly #scrubber: Scrubber

  /** Never connects. A connection made so is not shared: whoever made it closes it. */
  constructor(connectionName: string, options: Partial<Options> = {}) {
    this.connectionName = connectionName
    this.#options = ownOptions(options)
    this.#scrubber = new Scrubber(connectionName, (this.constructor as typeof BaseConnection).secretKeys)
    const scope = (options as { scope?: Scope }).scope ?? (this.constructor as typeof BaseConnection).scope
    this.#handle = new Handle<Raw>({
      name: connectionName,
      connection: this,
      environment: this.#environment,
      session: scope === "session" ? requireSession(`Connection "${connectionName}"`, connectionName) : undefined,
      connect: (signal) => this.#connect(signal),
      disconnect: async (raw) => void (await this._disconnect(raw)),
      classify: (error) => this._classify(originalOf(error)),
      inTurn: (dial, signal) => this._inTurn(dial, signal),
      identify: () => this._sourceIdentity(),
      shared: () => delete (this as { [Symbol.asyncDispose]?: unknown })[Symbol.asyncDispose],
      sectionChanged: () => {
        this.#resolved = undefined
        this._sectionChanged()
      },
    })
    this[control] = this.#handle
    makeDisposable(this, connectionName, () => this.close())
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
    const typeKey = this.#handle.typeKey ?? (this.constructor as typeof BaseConnection).typeKey ?? anonymousType
    if (!typeKey.startsWith(anonymousType)) return sourceIdentity(`${typeKey} ${this.connectionName}`, values)
    // Another class of this name may answer otherwise, and in another process nobody can tell which this was.
    const kind = `${this.constructor.name} ${identity(this.constructor)} ${this.connectionName}`
    return { ...(await sourceIdentity(kind, values)), processOnly: true }
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
      return this.#handle.life().connected()
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** This connection's section of the secrets, read-only; empty when there is none. */
  protected get _secrets(): Readonly<Record<string, unknown>> {
    return this.#resolved?.section ?? this.#environment.secrets.section(this.connectionName)?.values ?? {}
  }

  /** Runs `work` under a lease: a reset does not release the raw connection before it is done. */
  protected _use<T>(work: (raw: Raw, lease: Lease<Raw>) => T | Promise<T>, options: UseOptions = {}): Promise<T> {
    const attempt = () => this.#useOnce(work, options)
    return options.retry ? this._retry(attempt, options.signal) : attempt()
  }

  /** Runs `attempt` again after `lost` and `wait`, as long as `may` allows it. */
  protected _retry<T>(attempt: () => Promise<T>, signal?: AbortSignal, may: () => boolean = () => true): Promise<T> {
    // The cause of UNAVAILABLE is one to wait for, but that has been done.
    const classify = (error: unknown) =>
      may() && !isMooringError(error, "UNAVAILABLE") ? this._classify(originalOf(error)) : "fatal"
    return withRetries(attempt, { classify, signal, isPaced: () => this.#handle.failing })
  }

  /** The raw connection of this lease broke. By default, the next use connects anew. */
  protected _broken(lease: Lease<Raw>): void {
    lease.retire()
  }

  /** Has a connect wait while the other side fails. For raw connections that connect later, by themselves: override it. */
  protected _inTurn(dial: () => Promise<Raw>, signal: AbortSignal): Promise<Raw> {
    return this.#handle.gate.pass(dial, signal)
  }

  /** Runs `work` so that a `reset()` from inside does not wait for the leases that are taken inside. */
  protected _holding<T>(work: () => T): T {
    return this.#handle.life().holding(work)
  }

  /** Takes a lease that outlives one call, for a session or a stream. The caller releases it. */
  protected async _lease(signal?: AbortSignal): Promise<Lease<Raw>> {
    return this.#handle.life().acquire(signal)
  }

  /**
   * The value kept under `key`, or else the result of `work`, as `query()` keeps its results: per source, one
   * execution for all who ask at once, never a failure.
   *
   * Values are plain data, of which each caller gets a copy, or tables, which all share.
   *
   * @param key plain data that names the work, or a text.
   */
  protected _cached<T>(
    key: unknown,
    options: CachedReadOptions<T>,
    work: (signal: AbortSignal) => Promise<T>,
    group = "",
  ): Promise<T> {
    const at = { connection: this.connectionName, group, id: key }
    return readCached(this.#environment, this.#handle, at, options, (signal) => this.#scrubber.scrubbing(work, signal))
  }

  /**
   * Makes the next use connect anew, from this call on. The promise resolves when the old raw connection is released:
   * after its users are done or, at `timeout`, cut off. Cached results stay.
   */
  async reset({ timeout = defaultRelease }: ReleaseOptions = {}): Promise<void> {
    const wait = toMilliseconds(timeout, "timeout")
    const event = () => ({ connection: this.connectionName, why: "asked" })
    await traced("reset", event, () => this.#handle.life().reset(wait))
  }

  /** As `reset()`, for good: the connection leaves the registry, and later use is an error (`CLOSED`). */
  async close({ timeout = defaultRelease }: ReleaseOptions = {}): Promise<void> {
    await this[control].close(toMilliseconds(timeout, "timeout"))
  }

  /**
   * True if the other side answers. Connects if needed. Never throws: the reason of a `false` is on `lastError`.
   */
  async isHealthy({ timeout = defaultRelease }: HealthOptions = {}): Promise<boolean> {
    try {
      const wait = toMilliseconds(timeout, "timeout")
      const late = `Connection "${this.connectionName}" gave no sign of life within ${wait / 1000} s.`
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
    return shownAsJSON({
      name: this.connectionName,
      className: this.constructor.name,
      location: () => this._location(),
      origin: () => this.#environment.secrets.section(this.connectionName)?.origin,
    })
  }

  [inspect.custom](): string {
    return shownAsText(this.toJSON())
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

  /** The same without reading references: each is the text that says what it refers to. */
  protected _describeOptions(): ResolvedOptions {
    return describeOptions(this.#environment, this.connectionName, this.#options)
  }

  /** The part of the cache where this connection's results are kept. */
  protected _cacheScope(): Promise<string> {
    return this.#handle.source.resolve()
  }

  /** Takes these secrets out of errors from now on. Those in the options are known: this is for what is fetched beyond. */
  protected _hide(secrets: SecretSource): void {
    this.#scrubber.hide(secrets)
  }

  async #useOnce<T>(work: (raw: Raw, lease: Lease<Raw>) => T | Promise<T>, options: UseOptions): Promise<T> {
    const used: { lease?: Lease<Raw> } = {}
    try {
      return await this.#handle.life().use((lease) => work((used.lease = lease).raw, lease), options)
    } catch (error) {
      if (used.lease && !isMooringError(error) && this._classify(error) === "lost") this._broken(used.lease)
      throw this.#scrubber.scrub(error)
    }
  }

  async #connect(signal: AbortSignal): Promise<Raw> {
    const event = () => ({ connection: this.connectionName, class: this.constructor.name })
    return traced("connect", event, async () => {
      const { values, secrets } = (this.#resolved = await this._resolveOptions(signal))
      this._hide(secrets)
      return this.#scrubber.scrubbing((options) => this._connect(options, { signal }), values as Options)
    })
  }
}
