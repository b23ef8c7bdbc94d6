import { MooringError } from "../errors.ts"
import type { ConnectGate } from "./connect-gate.ts"
import { type ConnectionControl, type Controlled, control, type RegistryEntry } from "./control.ts"
import type { Environment } from "./environment.ts"
import type { LifecycleHooks } from "./generation.ts"
import { Lifecycle } from "./lifecycle.ts"
import { currentSession, onSessionEnd, requireSession } from "./sessions.ts"
import type { SourceIdentity } from "./source-identity.ts"
import { SourceScope } from "./source-scope.ts"

/** What a {@link Handle} needs of the connection that it stands behind. */
export interface HandleHost<Raw> extends Required<Omit<LifecycleHooks<Raw>, "idle">> {
  readonly connection: Controlled
  readonly environment: Environment
  /** The session that it belongs to; undefined for a connection that all share. */
  readonly session: string | undefined
  identify(): Promise<SourceIdentity>
  /** It has entered the registry, and is not its borrower's to close. */
  shared(): void
  /** What was computed from the section is to be forgotten. */
  sectionChanged(): void
}

/** For what nobody waits for; milliseconds. */
const backgroundRelease = 30_000

/**
 * The place of one connection object among all others: in the registry or out of it, in its session, with its own raw
 * connection or with that of the object that took its place.
 */
export class Handle<Raw> implements ConnectionControl {
  readonly name: string
  readonly lifecycle: Lifecycle<unknown>
  /** The part of the cache where its results are. */
  readonly source: SourceScope
  readonly #host: HandleHost<Raw>
  readonly #own: Lifecycle<Raw>
  #entry: RegistryEntry | undefined
  #evicted = false

  constructor(host: HandleHost<Raw>) {
    this.#host = host
    this.name = host.name
    const { connection, environment } = host
    this.#own = new Lifecycle<Raw>({
      name: host.name,
      connect: (signal) => {
        environment.hold(connection)
        return host.connect(signal)
      },
      disconnect: (raw) => host.disconnect(raw),
      classify: (error) => host.classify(error),
      inTurn: (dial, signal) => host.inTurn(dial, signal),
      idle: () => environment.letGo(connection),
    })
    this.lifecycle = this.#own as Lifecycle<unknown>
    const { session } = host
    environment.follow(connection)
    this.source = new SourceScope({ session, identify: () => host.identify(), life: () => this.#holder() })
    if (session !== undefined) onSessionEnd(session, this.#sessionEnded)
  }

  /** Its type in the registry, where it is. */
  get typeKey(): string | undefined {
    return this.#entry?.typeKey
  }

  /** What the connects of its own lifecycle pass. */
  get gate(): ConnectGate {
    return this.#own.gate
  }

  /** The other side could not be reached lately, and who tries again is made to wait. */
  get failing(): boolean {
    return this.#holder().gate.failing
  }

  /** The lifecycle to use now: its own or, if another object took its place in the registry, that one's. */
  life(): Lifecycle<Raw> {
    this.refuseIfUnusable()
    return this.#holder()
  }

  /** The same for those who only name it: also after `close()`, and from outside of its session. */
  #holder(): Lifecycle<Raw> {
    if (!this.#evicted || this.#entry === undefined || this.#own.closed) return this.#own
    const { connection } = this.#host.environment.registry.readmit(this.#entry)
    return connection === this.#host.connection ? this.#own : (connection[control].lifecycle as Lifecycle<Raw>)
  }

  /**
   * Also to be asked before an answer from the cache, which is as private as the connection.
   *
   * @throws MooringError `CLOSED` after `close()`, `NO_SESSION` outside of its session.
   */
  refuseIfUnusable(): void {
    this.#own.refuseIfClosed()
    const { session } = this.#host
    if (session === undefined || currentSession() === session) return
    requireSession(`Connection "${this.name}"`, this.name)
    throw new MooringError("NO_SESSION", `Connection "${this.name}" belongs to another session.`, {
      connection: this.name,
      hint: `Call connection("${this.name}") again in each session; do not keep the object.`,
    })
  }

  async connect(signal?: AbortSignal): Promise<void> {
    const life = this.life()
    if (!life.connectedOnce) await life.connected(signal)
  }

  evicted(): void {
    this.#evicted = true
    this.#releaseBehind()
  }

  registered(entry: RegistryEntry): void {
    this.#entry = entry
    this.#evicted = false
    // Its session may have ended since, and another of the same id begun.
    if (this.#host.session !== undefined) onSessionEnd(this.#host.session, this.#sessionEnded)
    this.#host.shared()
  }

  sectionChanged(): void {
    const scope = this.source.known
    this.source.forget()
    // It may lead to another server.
    this.gate.forget()
    this.#host.sectionChanged()
    if (scope !== undefined) void this.#host.environment.cache.invalidate({ scope })
    this.#releaseBehind()
  }

  release(timeout: number): Promise<void> {
    return this.#own.reset(timeout)
  }

  async close(timeout: number): Promise<void> {
    if (this.#entry) this.#host.environment.registry.forget(this.#entry)
    await this.#own.close(timeout)
  }

  #releaseBehind(): void {
    void this.#own.reset(backgroundRelease, { background: true })
  }

  readonly #sessionEnded = async (): Promise<void> => {
    const scope = this.source.known
    if (this.#entry) this.#host.environment.registry.evict(this.#entry)
    else this.#releaseBehind()
    if (scope !== undefined) await this.#host.environment.cache.invalidate({ scope })
  }
}
