import type { CacheStore, StoreStats } from "./contract.ts"

/** A store that keeps nothing, for where there is no place to keep it. */
export class NoStore implements CacheStore {
  readonly name: string
  readonly inProcess = false

  constructor(name: string) {
    this.name = name
  }

  get(): undefined {
    return undefined
  }

  set(): boolean {
    return false
  }

  epoch(): string {
    return ""
  }

  invalidate(): void {}

  stats(): StoreStats {
    return { entries: 0, bytes: 0, evictions: 0 }
  }

  clear(): void {}
}
