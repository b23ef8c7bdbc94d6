import { AsyncLocalStorage } from "node:async_hooks"
import { resolve } from "node:path"
import { Cache, type CacheEvent, type CacheStore, sessionScope } from "../cache/index.ts"
import { isMooringError } from "../errors.ts"
import { type SecretsChange, SecretsStore } from "../secrets/index.ts"
import { settledWithin } from "../util/abort.ts"
import { outsideCallers } from "../util/caller-context.ts"
import { toMilliseconds } from "../util/duration.ts"
import { processGlobal } from "../util/globals.ts"
import { channels, traced } from "../util/tracing.ts"
import { warnOnce } from "../util/warn.ts"
import { type Configuration, mergeConfigurations, refuseUnknownSettings } from "./configuration.ts"
import { type Controlled, control } from "./control.ts"
import { fileSettings } from "./file-settings.ts"
import { Registry } from "./registry.ts"
import { onSessionEnd, requireSession, setSessionIdle } from "./sessions.ts"

/** What shared objects and the store have at least to be released in; milliseconds. */
const releaseGrace = 200

/**
 * Everything that a process shares: configuration, secrets, cache and registry. There is one per process, and one more
 * for the time of each `withConnections`.
 */
export class Environment {
  readonly registry: Registry = new Registry()
  /** Connections that tests put in the place of configured ones. */
  readonly replacements: Map<string, Controlled> = new Map()
  /** Options that tests put in the place of those of `connection()`. */
  readonly standIns: Map<string, Record<string, unknown>> = new Map()
  readonly #isolated: boolean
  readonly #layers: Configuration[] = []
  readonly #listeners = new Set<(change: SecretsChange) => void>()
  readonly #open = new Set<Controlled>()
  readonly #followers = new Set<WeakRef<Controlled>>()
  readonly #collected = new FinalizationRegistry<WeakRef<Controlled>>((gone) => this.#followers.delete(gone))
  #configuration: Configuration = {}
  #settings: Configuration | undefined
  #store: CacheStore | undefined
  #secrets: SecretsStore | undefined
  #cache: Cache | undefined
  #released: (() => void) | undefined

  /** @param options `isolated` leaves files and variables out: secrets are what `configure` gives. */
  constructor(options: { isolated?: boolean } = {}) {
    this.#isolated = options.isolated ?? false
  }

  /** What `configure()` was given. */
  get configuration(): Configuration {
    return this.#configuration
  }

  /** The same over the `[mooring]` table of the secrets. */
  get settings(): Configuration {
    if (!this.#settings) {
      this.#settings = mergeConfigurations([fileSettings(this.secrets.settingValues()), ...this.#layers])
      this.#storeChanged(this.#settings.cache?.store)
      setSessionIdle(this, toMilliseconds(this.#settings.sessionIdle ?? "inf", "sessionIdle"))
    }
    return this.#settings
  }

  /** Absolute. */
  get projectDir(): string {
    return resolve(this.#configuration.project ?? (process.env.MOORING_PROJECT || process.cwd()))
  }

  /** Read when first needed, then watched. */
  get secrets(): SecretsStore {
    if (!this.#secrets) {
      this.#secrets = this.#openSecrets()
      this.#secrets.onChange((change) => {
        this.#settings = undefined
        this.#sectionsChanged(new Set(change.connections))
        for (const listener of [...this.#listeners]) reportingErrors(() => listener(change))
      })
    }
    return this.#secrets
  }

  get cache(): Cache {
    if (!this.#cache) {
      const { maxBytes } = this.settings.cache ?? {}
      this.#cache = new Cache({ maxBytes, onEvent: tellOfCache, detach: outsideCallers })
    }
    return this.#cache
  }

  /** Calls `listener` after changes of secrets, also when `configure()` makes them. Gives its own undoing. */
  onSecretsChange(listener: (change: SecretsChange) => void): () => void {
    const own = (change: SecretsChange) => listener(change)
    // Files are watched once they were read; what is there now is no change.
    this.secrets.refresh()
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** Lays settings over those that hold; the function that it returns takes them back. */
  configure(settings: Configuration): () => void {
    refuseUnknownSettings(settings)
    // A copy, so that the same object given twice is two layers.
    const layer = { ...settings }
    this.#layers.push(layer)
    const undo = () => {
      const index = this.#layers.indexOf(layer)
      if (index === -1) return
      this.#layers.splice(index, 1)
      this.#apply()
    }
    try {
      this.#apply()
    } catch (error) {
      undo()
      throw error
    }
    return undo
  }

  /** The session of the calling code, whose kept results are forgotten when it ends. */
  requireSession(what: string): string {
    const session = requireSession(what)
    onSessionEnd(session, this.#forgetSession)
    return session
  }

  /** Tells this connection when its section changes, for as long as somebody holds it. */
  follow(connection: Controlled): void {
    this.#releaseBeforeExit()
    const reference = new WeakRef(connection)
    this.#followers.add(reference)
    this.#collected.register(connection, reference)
  }

  /** Keeps a connection that has something open, so that it is closed with all others even if its maker forgot it. */
  hold(connection: Controlled): void {
    this.#open.add(connection)
  }

  letGo(connection: Controlled): void {
    this.#open.delete(connection)
  }

  /** Closes all connections and releases shared objects; what is cached stays. */
  async closeAll(timeout: number): Promise<void> {
    const end = performance.now() + timeout
    await Promise.all(this.#live().map((connection) => connection[control].close(timeout)))
    // What hangs in somebody's `onRelease`, or on a silent link to the store, has what is left of the time.
    const left = Math.max(releaseGrace, end - performance.now())
    const released = (async () => {
      await this.#cache?.close()
      await this.#store?.close?.()
    })()
    await Promise.race([released, settledWithin(left, released)])
  }

  /** As {@link closeAll}; also ends the watch of the secrets and forgets the cache. */
  async close(timeout: number): Promise<void> {
    await this.closeAll(timeout)
    this.#secrets?.close()
    this.#secrets = undefined
    this.#cache = undefined
    setSessionIdle(this, Number.POSITIVE_INFINITY)
    if (this.#released) process.off("beforeExit", this.#released)
  }

  #storeChanged(store: CacheStore | undefined): void {
    const before = this.#store
    this.#store = store
    if (before === store || !before) return
    this.#cache?.leave(before)
    reportingErrors(() => void before.close?.())
  }

  /** When nothing is left to do, raw connections and shared objects are released, as their authors asked for. */
  #releaseBeforeExit(): void {
    if (this.#released) return
    this.#released = () => {
      const releasing = this.#live().map((connection) => connection[control].lifecycle.reset(0))
      void Promise.allSettled([...releasing, this.#cache?.close()])
    }
    process.once("beforeExit", this.#released)
  }

  readonly #forgetSession = (session: string): Promise<void> => this.cache.invalidate({ scope: sessionScope(session) })

  #apply(): void {
    const before = this.#configuration
    const merged = mergeConfigurations(this.#layers)
    setSessionIdle(this, toMilliseconds(merged.sessionIdle ?? "inf", "sessionIdle"))
    this.#configuration = merged
    this.#settings = undefined
    if (this.#secrets && touchesSecrets(before, this.#configuration)) this.#replaceSecrets(this.#secrets)
    if (before.cache?.maxBytes !== this.#configuration.cache?.maxBytes) this.#cache = undefined
  }

  #openSecrets(): SecretsStore {
    const { secrets, secretsFiles, exportEnv } = this.#configuration
    return new SecretsStore({
      projectDir: this.projectDir,
      isolated: this.#isolated,
      ...(secretsFiles && { files: secretsFiles }),
      ...(secrets && { inline: secrets }),
      ...(exportEnv && { exportEnv }),
      onProblem: (problem) => warnOnce(problem.message, `${problem.message} ${problem.hint ?? ""}`.trim()),
    })
  }

  #replaceSecrets(old: SecretsStore): void {
    const listed = (secrets: SecretsStore) => secrets.list().map(({ name }) => name)
    const live = this.#live().map((connection) => connection[control].name)
    const names = new Set([...live, ...listed(old)])
    const before = new Map([...names].map((name) => [name, fingerprint(old, name)]))
    old.close()
    this.#secrets = undefined
    for (const name of listed(this.secrets)) names.add(name)
    const connections = [...names].filter((name) => fingerprint(this.secrets, name) !== before.get(name))
    this.#sectionsChanged(new Set(connections))
    for (const listener of [...this.#listeners]) reportingErrors(() => listener({ connections }))
  }

  #sectionsChanged(names: ReadonlySet<string>): void {
    for (const connection of this.#live()) {
      const held = connection[control]
      if (!names.has(held.name)) continue
      const event = () => ({ connection: held.name, why: "section" })
      void traced("reset", event, async () => held.sectionChanged())
    }
  }

  #live(): Controlled[] {
    const live: Controlled[] = []
    for (const reference of this.#followers) {
      const connection = reference.deref()
      if (connection) live.push(connection)
      else this.#followers.delete(reference)
    }
    return live
  }
}

function touchesSecrets(a: Configuration, b: Configuration): boolean {
  return (["secrets", "secretsFiles", "project", "exportEnv"] as const).some((key) => a[key] !== b[key])
}

/** A listener's mistake is its own, reported as such; the others still hear. */
function reportingErrors(work: () => void): void {
  try {
    work()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** On the tracing channel, without keys: those hold statements and parameters. A store that fails is said once, too. */
function tellOfCache(event: CacheEvent): void {
  if (event.type === "error" && event.store !== "memory") {
    warnOnce(`cache ${event.store}`, sentenceOf(event.error, event.store))
  }
  const { start } = channels.cache
  if (!start.hasSubscribers) return
  const { key: _key, range: _range, ...shown } = event as CacheEvent & { key?: unknown; range?: unknown }
  start.publish(shown)
}

function sentenceOf(error: unknown, store: string): string {
  if (isMooringError(error)) return `${error.message} ${error.hint ?? ""}`.trim()
  return `The cache "${store}" failed: ${error instanceof Error ? error.message : error}. Queries go on without it.`
}

function fingerprint(secrets: SecretsStore, name: string): string | undefined {
  try {
    return secrets.section(name)?.fingerprint
  } catch {
    return undefined
  }
}

const shared = processGlobal("registry@1", () => ({
  context: new AsyncLocalStorage<Environment>(),
  base: undefined as Environment | undefined,
}))

/** The environment that the calling code runs in. */
export function currentEnvironment(): Environment {
  return shared.context.getStore() ?? (shared.base ??= new Environment())
}

/** Runs `work` in an environment of its own. */
export function runInEnvironment<T>(environment: Environment, work: () => Promise<T>): Promise<T> {
  return shared.context.run(environment, work)
}
