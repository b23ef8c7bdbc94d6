import { EventEmitter } from "node:events"
import { expect, test, vi } from "vitest"
import { redisStore } from "../../../src/cache/redis/deferred-store.ts"
import { failureOf, pause } from "../../support/waiting.ts"
import { keyOf } from "../support.ts"
import { textCodec } from "../text-codec.ts"

/** Ends as clients of node-redis 5 do, which complain when they have ended already. */
class Client extends EventEmitter {
  static last: Client
  static refuses = false
  #isOpen = false

  constructor() {
    super()
    Client.last = this
  }

  async connect(): Promise<void> {
    if (Client.refuses) throw new Error("connect ECONNREFUSED")
    this.#isOpen = true
  }

  async sendCommand([command]: readonly string[]): Promise<string | null[]> {
    return command === "PING" ? "PONG" : [null]
  }

  unref(): void {}

  destroy(): void {
    if (!this.#isOpen) throw new Error("The client is closed")
    this.#isOpen = false
    this.emit("end")
  }

  async close(): Promise<void> {
    this.destroy()
  }
}

vi.mock("redis", () => ({ createClient: () => new Client() }))

const read = async (store: ReturnType<typeof redisStore>) => store.get(keyOf("a"), textCodec)

test("a client that has ended already may complain of it: the link is made again", async () => {
  const store = redisStore({ url: "redis://localhost" })
  await read(store)
  const first = Client.last
  // What is thrown here would end the process.
  first.emit("error", new Error("ECONNRESET"))
  await pause(1)
  await read(store)
  expect(Client.last).not.toBe(first)
  await store.close!()
})

test("and the error says why no connection was made", async () => {
  Client.refuses = true
  expect((await failureOf(read(redisStore({ url: "redis://localhost" })))).message).toContain("ECONNREFUSED")
})
