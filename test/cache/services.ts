import { AsyncLocalStorage } from "node:async_hooks"
import { Cache } from "../../src/cache/cached.ts"
import { plainCodec } from "../../src/cache/codec.ts"
import { DiskStore } from "../../src/cache/disk.ts"
import type { CacheEvent } from "../../src/cache/events.ts"
import type { CacheServices } from "../../src/cache/services.ts"
import { MooringError } from "../../src/errors.ts"
import { Clock } from "./support.ts"

/** Stands for a table: nobody can change it. */
export class Frozen {
  readonly text: string
  constructor(text: string) {
    this.text = text
    Object.freeze(this)
  }
}

const frozen = {
  id: "frozen@1",
  accepts: (value: unknown) => value instanceof Frozen,
  encode: (value: object) => new TextEncoder().encode((value as Frozen).text),
  decode: (bytes: Uint8Array) => new Frozen(new TextDecoder().decode(bytes)),
}

export const session: AsyncLocalStorage<string | undefined> = new AsyncLocalStorage()

/** The services of one program, as `connection.ts` would compose them. */
export function makeServices(folder = "unused"): CacheServices & { clock: Clock; events: CacheEvent[] } {
  const clock = new Clock()
  const events: CacheEvent[] = []
  return {
    clock,
    events,
    cache: new Cache({ now: clock.now, onEvent: (event) => events.push(event) }),
    shared: { accepts: frozen.accepts, sizeOf: (value) => (value as Frozen).text.length },
    disk: async () => new DiskStore({ folder, now: clock.now }),
    sharedStore: () => undefined,
    codec: async () => plainCodec([frozen]),
    currentSession() {
      const id = session.getStore()
      if (id === undefined) throw new MooringError("NO_SESSION", "There is no session here.")
      return id
    },
    outsideSession: (work) => session.run(undefined, work),
  }
}
