import { join } from "node:path"
import { inject, onTestFinished } from "vitest"
import { endDaemon, removeDaemon } from "./daemon.ts"
import { type RedisOptions, type RedisServer, startRedis } from "./redis-server.ts"
import { sharedServer } from "./servers.ts"

/** The run's server, which other tests use at the same time: keys need a name that is the test's own. */
export function redisServer(): Promise<RedisServer> {
  return sharedServer(inject("servers"), "redis")
}

/** A server of the test's own. */
export interface OwnRedis extends RedisServer {
  /** As an operator would; clients hear of it. Resolves once it is gone. Start another on its `port` to bring it back. */
  stop(): Promise<void>
  /** Sends a signal. Resolves once the server is gone, with SIGSTOP and SIGCONT at once. Default: SIGKILL. */
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** A new server, to stop, freeze and kill. It goes with the test. */
export async function newRedis(options: Omit<RedisOptions, "parent"> = {}): Promise<OwnRedis> {
  const server = await startRedis({ ...options, parent: join(inject("servers"), "redis") })
  const { pid, folder } = server
  onTestFinished(() => removeDaemon(folder))
  const kill = async (signal: NodeJS.Signals = "SIGKILL") => {
    if (signal === "SIGSTOP" || signal === "SIGCONT") process.kill(pid, signal)
    else await endDaemon(folder, signal)
  }
  return { ...server, kill, stop: () => kill("SIGTERM") }
}
