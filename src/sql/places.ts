/** One of the pools that share {@link Places}. */
export interface Tenant {
  /** Callers in its queue. */
  readonly waiting: number
  /** A place may be free: opens a connection for whoever is first in its queue. */
  fill(): void
  /** Closes a connection that nobody uses; false if there is none. */
  spare(): boolean
}

/**
 * The places for physical connections to one server. A place is taken from before a connection is opened until after it
 * is closed, so that the maximum holds at every moment, as the server counts.
 *
 * After a reset there are two pools for a while, that of the retired generation and the new one: they share the places.
 * Neither keeps an idle connection while the other has callers in its queue.
 */
export class Places {
  /** The oldest first. */
  readonly #tenants = new Set<Tenant>()
  #taken = 0

  get taken(): number {
    return this.#taken
  }

  join(tenant: Tenant): void {
    this.#tenants.add(tenant)
  }

  leave(tenant: Tenant): void {
    this.#tenants.delete(tenant)
    this.#offer()
  }

  /** Takes a place, unless there are `max` already. */
  take(max: number): boolean {
    if (this.#taken >= max) return false
    this.#taken++
    return true
  }

  /** A place less is taken: whoever has waited for one may have it, callers of older pools first. */
  give(): void {
    this.#taken--
    this.#offer()
  }

  /** Has another pool close a connection that it does not use. */
  claim(tenant: Tenant): void {
    for (const other of this.#tenants) if (other !== tenant && other.spare()) return
  }

  /** True while callers of another pool wait. */
  wantedBesides(tenant: Tenant): boolean {
    for (const other of this.#tenants) if (other !== tenant && other.waiting > 0) return true
    return false
  }

  #offer(): void {
    for (const tenant of [...this.#tenants]) if (tenant.waiting > 0) tenant.fill()
  }
}
