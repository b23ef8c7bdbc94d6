import { describe, expect, it, vi } from "vitest"
import { createCacheResource } from "../../src/cache/cache-resource.ts"
import { sessionScope } from "../../src/cache/services.ts"
import { isMooringError } from "../../src/errors.ts"
import { makeServices, session } from "./services.ts"

class Client {
  released = 0
  healthy = true
  readonly url: string
  constructor(url: string) {
    this.url = url
  }
}

function setup() {
  const services = makeServices()
  const made: Client[] = []
  const connect = async (url: string): Promise<Client> => {
    const client = new Client(url)
    made.push(client)
    return client
  }
  const onRelease = (client: Client) => void client.released++
  const released = () => made.map((client) => client.released)
  return { ...services, cacheResource: createCacheResource(() => services), made, connect, onRelease, released }
}

/** A maker that ends when the test says so. */
function slow() {
  const waiting: (() => void)[] = []
  const wait = () => new Promise<void>((resolve) => waiting.push(resolve))
  return { wait, waiting }
}

describe("cacheResource", () => {
  it("shares one object per arguments, made once however many ask", async () => {
    const { cacheResource, connect, made } = setup()
    const client = cacheResource(connect)
    const all = await Promise.all(Array.from({ length: 100 }, (_, at) => client(at % 2 ? "a" : "b")))
    expect(new Set(all).size).toBe(2)
    expect(made.length).toBe(2)
    expect(await client("a")).toBe(all[1])
  })

  it("B20 forgets failures", async () => {
    const { cacheResource } = setup()
    let fail = true
    const client = cacheResource(async () => {
      if (fail) throw new Error("no")
      return new Client("a")
    })
    const calls = await Promise.allSettled([client(), client()])
    expect(calls.map((call) => call.status)).toEqual(["rejected", "rejected"])
    fail = false
    expect(await client()).toBeInstanceOf(Client)
  })

  it("B39 releases what clear drops, once", async () => {
    const { cacheResource, connect, onRelease, released } = setup()
    const client = cacheResource(connect, { onRelease })
    await client("a")
    await client("b")
    await client.clear("a")
    expect(released()).toEqual([1, 0])
    await client.clear()
    await client.clear()
    expect(released()).toEqual([1, 1])
    await client("a")
    expect(released()).toEqual([1, 1, 0])
  })

  it("waits in clear for a release to end, and reports one that throws", async () => {
    const { cacheResource, connect, events } = setup()
    const { wait, waiting } = slow()
    const client = cacheResource(connect, { onRelease: wait })
    await client("a")
    const cleared = vi.fn()
    const clearing = client.clear().then(cleared)
    await vi.waitFor(() => expect(waiting.length).toBe(1))
    expect(cleared).not.toHaveBeenCalled()
    waiting[0]!()
    await clearing
    const error = new Error("broken")
    const other = cacheResource(connect, { onRelease: () => Promise.reject(error) })
    await other("a")
    await other.clear()
    expect(events).toEqual([{ type: "error", operation: "onRelease", store: "memory", error }])
  })

  it("releases by age and by number", async () => {
    const { cacheResource, connect, onRelease, released, clock } = setup()
    const client = cacheResource(connect, { onRelease, ttl: 10, maxEntries: 2 })
    const first = await client("a")
    clock.advance(10_000)
    expect(await client("a")).toBe(first)
    clock.advance(1)
    expect(await client("a")).not.toBe(first)
    expect(released()).toEqual([1, 0])
    await client("b")
    await client("a")
    await client("c")
    expect(released()).toEqual([1, 0, 1, 0])
  })

  it("asks validate at each access, and replaces what is no longer good, once for many", async () => {
    const { cacheResource, made, connect, onRelease, released } = setup()
    const validate = vi.fn(async (client: Client) => client.healthy)
    const client = cacheResource(connect, { onRelease, validate })
    const first = await client("a")
    expect(await client("a")).toBe(first)
    first.healthy = false
    const next = await Promise.all(Array.from({ length: 20 }, () => client("a")))
    expect(new Set(next).size).toBe(1)
    expect(next[0]).not.toBe(first)
    expect(made.length).toBe(2)
    expect(released()).toEqual([1, 0])
    validate.mockRejectedValueOnce(new Error("cannot tell"))
    expect(await client("a")).not.toBe(next[0])
  })

  it("makes anew what a clear overtook, and releases what nobody was given", async () => {
    const { cacheResource, made, onRelease, released } = setup()
    const { wait, waiting } = slow()
    const client = cacheResource(
      async () => {
        await wait()
        made.push(new Client(String(made.length)))
        return made.at(-1)!
      },
      { onRelease },
    )
    const asking = client()
    await vi.waitFor(() => expect(waiting.length).toBe(1))
    await client.clear()
    waiting[0]!()
    await vi.waitFor(() => expect(waiting.length).toBe(2))
    waiting[1]!()
    expect((await asking).url).toBe("1")
    expect(released()).toEqual([1, 0])
  })

  it("B39 releases all when the cache closes, and what is still being made", async () => {
    const { cacheResource, cache, connect, onRelease, made, released } = setup()
    const { wait, waiting } = slow()
    const client = cacheResource(connect, { onRelease })
    await client("a")
    const late = cacheResource(async () => wait().then(() => connect("late")), { onRelease })
    const asking = late().catch((error) => error)
    await vi.waitFor(() => expect(waiting.length).toBe(1))
    await cache.close()
    waiting[0]!()
    expect(isMooringError(await asking, "CLOSED")).toBe(true)
    expect(made.length).toBe(2)
    expect(released()).toEqual([1, 1])
    await client("a")
    expect(released()).toEqual([1, 1, 0])
  })

  it("keeps sessions apart and releases what belongs to one that ends", async () => {
    const { cacheResource, cache, connect, onRelease, released } = setup()
    const client = cacheResource(connect, { onRelease, scope: "session" })
    const as = (id: string) => session.run(id, () => client("a"))
    const ada = await as("ada")
    expect(await as("bob")).not.toBe(ada)
    expect(await as("ada")).toBe(ada)
    await cache.invalidate({ scope: sessionScope("ada") })
    expect(released()).toEqual([1, 0])
    await session.run("bob", () => client.clear())
    expect(released()).toEqual([1, 1])
    const outside = await client("a").catch((error) => error)
    expect(isMooringError(outside, "NO_SESSION")).toBe(true)
  })

  it("with a key, survives a hot reload and releases the objects of an edited function", async () => {
    const { cacheResource, connect, onRelease, released } = setup()
    const load = () => cacheResource(async (url: string) => connect(url), { key: "client", onRelease })
    const first = await load()("a")
    expect(await load()("a")).toBe(first)
    const edited = cacheResource(async (url: string) => connect(`${url}?edited`), { key: "client", onRelease })
    expect((await edited("a")).url).toBe("a?edited")
    expect(released()).toEqual([1, 0])
  })
})
