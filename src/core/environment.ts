import { AsyncLocalStorage } from "node:async_hooks"
import { resolve } from "node:path"
import { Cache, type CacheEvent, sessionScope } from "../cache/index.ts"
import { SecretsStore } from "../secrets/index.ts"
import { outsideCallers } from "../util/caller-context.ts"
import { toMilliseconds } from "../util/duration.ts"
import { processGlobal } from "../util/globals.ts"
import { channels, traced } from "../util/tracing.ts"
import { warnOnce } from "../util/warn.ts"
import { type Configuration, mergeConfigurations } from "./configuration.ts"
import { type Controlled, control } from "./control.ts"
import { fileSettings } from "./file-settings.ts"
import { Registry } from "./registry.ts"
import { onSessionEnd, requireSession, setSessionIdle } from "./sessions.ts"

/**
 * Everything that a process shares: configuration, secrets, cache and registry. There is one per process, and one more
 * for the time of each `withConnections`.
 */
export class Environment {
  readonly registry: Registry = new Registry()
  /** Connections that tests put in the place of configured ones. */
  readonly replacements: Map<string, Controlled> = new Map()
  /** Options that tests lay under those of `connection()`. */
  readonly defaults: Map<string, object> = new Map()
  readonly #isolated: boolean
  readonly #layers: Configuration[] = []
  readonly #followers = new Set<WeakRef<Controlled>>()
  #configuration: Configuration = {}
  #settings: Configuration | undefined
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
      this.#settings = mergeConfigurations([fileSettings(this.secrets.settings()), ...this.#layers])
      setSessionIdle(toMilliseconds(this.#settings.sessionIdle ?? "inf", "sessionIdle"))
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
      this.#secrets.onChange(({ connections }) => {
        this.#settings = undefined
        this.#sectionsChanged(new Set(connections))
      })
    }
    return this.#secrets
  }

  get cache(): Cache {
    if (!this.#cache) {
      const { maxBytes } = this.settings.cache ?? {}
      this.#cache = new Cache({ maxBytes, onEvent: traceCache, detach: outsideCallers })
    }
    return this.#cache
  }

  /** Lays settings over those that hold; the function that it returns takes them back. */
  configure(layer: Configuration): () => void {
    this.#layers.push(layer)
    this.#apply()
    return () => {
      const index = this.#layers.indexOf(layer)
      if (index === -1) return
      this.#layers.splice(index, 1)
      this.#apply()
    }
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
    this.#followers.add(new WeakRef(connection))
  }

  /** Closes all connections and releases shared objects; what is cached stays. */
  async closeAll(timeout: number): Promise<void> {
    await Promise.all(this.#live().map((connection) => connection[control].close(timeout)))
    await this.#cache?.close()
  }

  /** As {@link closeAll}; also ends the watch of the secrets and forgets the cache. */
  async close(timeout: number): Promise<void> {
    await this.closeAll(timeout)
    this.#secrets?.close()
    this.#secrets = undefined
    this.#cache = undefined
    if (this.#released) process.off("beforeExit", this.#released)
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
    this.#configuration = mergeConfigurations(this.#layers)
    this.#settings = undefined
    setSessionIdle(toMilliseconds(this.#configuration.sessionIdle ?? "inf", "sessionIdle"))
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
    const names = new Set(this.#live().map((connection) => connection[control].name))
    const before = new Map([...names].map((name) => [name, fingerprint(old, name)]))
    old.close()
    this.#secrets = undefined
    this.secrets.refresh()
    this.#sectionsChanged(new Set([...names].filter((name) => fingerprint(this.secrets, name) !== before.get(name))))
  }

  #sectionsChanged(names: ReadonlySet<string>): void {
    for (const connection of this.#live()) {
      const { name, sectionChanged } = connection[control]
      if (names.has(name))
        void traced(
          "reset",
          () => ({ connection: name, why: "section" }),
          async () => sectionChanged(),
        )
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

/** Events without their keys: those hold statements and parameters. */
function traceCache(event: CacheEvent): void {
  const { start } = channels.cache
  if (!start.hasSubscribers) return
  const { key: _key, range: _range, ...shown } = event as CacheEvent & { key?: unknown; range?: unknown }
  start.publish(shown)
}

function fingerprint(secrets: SecretsStore, name: string): string | undefined {
  try {
    return secrets.section(name)?.fingerprint
  } catch {
    return undefined
  }
}

const shared = processGlobal("environment@1", () => ({
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
