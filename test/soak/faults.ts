import { setTimeout as wait } from "node:timers/promises"
import type { FaultServer } from "../faults/servers.ts"
import { removeDaemon } from "../support/daemon.ts"
import { type RedisServer, startRedis } from "../support/redis-server.ts"
import type { Random } from "./random.ts"

/** What is hurt. */
export interface Victims {
  readonly servers: Readonly<Record<string, FaultServer>>
  readonly redis: Redis | undefined
  /** Gives a connection another user with another password, at the server and in the secrets. */
  rotate(name: string): Promise<void>
}

/** Hurts one after another until it is told to stop. Gives how often each was done. */
export async function hurt(
  victims: Victims,
  random: Random,
  stop: AbortSignal,
  say: (what: string) => void,
): Promise<Record<string, number>> {
  const done: Record<string, number> = {}
  const names = Object.keys(victims.servers)
  const one = () => names[random.below(names.length)]!
  while (!stop.aborted) {
    await wait(500 + random.below(2_000), undefined, { signal: stop }).catch(() => undefined)
    if (stop.aborted) break
    const [what, act] = random.pick<readonly [string, () => Promise<unknown>]>([
      ...(names.length > 0 ? onServers(victims, one()) : []),
      ...(victims.redis ? onRedis(victims.redis) : []),
    ])
    await act()
    done[what] = (done[what] ?? 0) + 1
    say(what)
  }
  return done
}

type Weighted = readonly [number, readonly [string, () => Promise<unknown>]]

function onServers({ servers, rotate }: Victims, name: string): Weighted[] {
  const server = servers[name]!
  const restart = async () => {
    await server.kill()
    await server.start()
  }
  const freeze = async () => {
    await server.freeze()
    await wait(1_000)
    await server.thaw()
  }
  return [
    [8, [`${name}: sessions ended`, () => server.endSessions()]],
    [2, [`${name}: server killed and started`, restart]],
    [2, [`${name}: server frozen for a second`, freeze]],
    [2, [`${name}: secrets rotated`, () => rotate(name)]],
  ]
}

function onRedis(redis: Redis): Weighted[] {
  return [
    [1, ["redis: killed, and an empty one started", () => redis.restart()]],
    [0.5, ["redis: frozen for a second", () => redis.freeze()]],
  ]
}

/** A Redis server that comes back empty. */
export class Redis {
  readonly url: string
  readonly #parent: string
  #server: RedisServer

  private constructor(parent: string, server: RedisServer) {
    this.#parent = parent
    this.#server = server
    this.url = server.url
  }

  static async start(parent: string): Promise<Redis> {
    return new Redis(parent, await startRedis({ parent }))
  }

  async restart(): Promise<void> {
    const { port } = this.#server
    await this.dispose()
    await wait(300)
    this.#server = await startRedis({ parent: this.#parent, port })
  }

  async freeze(): Promise<void> {
    const { pid } = this.#server
    process.kill(pid, "SIGSTOP")
    await wait(1_000)
    process.kill(pid, "SIGCONT")
  }

  dispose(): Promise<void> {
    return removeDaemon(this.#server.folder)
  }
}
