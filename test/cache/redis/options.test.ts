import { expect, test } from "vitest"
import { type RedisOptions, resolveRedis } from "../../../src/cache/redis/options.ts"

const resolve = (options: Partial<RedisOptions> & { url: string }) => resolveRedis(options)

test("a URL says host, port, TLS, database, user and password", () => {
  expect(resolve({ url: "redis://cache" })).toMatchObject({
    place: { host: "cache", port: 6379 },
    tls: undefined,
    database: 0,
    username: undefined,
    password: undefined,
    shown: "redis://cache:6379",
  })
  expect(resolve({ url: "rediss://ada:p%40ss@cache.example:6380/2" })).toMatchObject({
    place: { host: "cache.example", port: 6380 },
    tls: {},
    database: 2,
    username: "ada",
    password: "p@ss",
    shown: "rediss://cache.example:6380/2",
  })
  expect(resolve({ url: "redis://:secret@[::1]:7000" })).toMatchObject({ place: { host: "::1", port: 7000 } })
  expect(resolve({ url: "unix:///run/redis.sock?db=3" })).toMatchObject({
    place: { path: "/run/redis.sock" },
    database: 3,
    shown: "unix:///run/redis.sock",
  })
})

test("options win over the URL, and have defaults", () => {
  expect(resolve({ url: "redis://ada:old@cache", username: "bob", password: "new" })).toMatchObject({
    username: "bob",
    password: "new",
    prefix: "mooring:",
    timeout: 250,
    connectTimeout: 1_000,
    lease: 5_000,
  })
})

test("what cannot be used is an error that quotes no URL", () => {
  const wrong: [Partial<RedisOptions> & { url: string }, RegExp][] = [
    [{ url: "http://ada:canary@cache" }, /needs a url such as/],
    [{ url: "canary" }, /needs a url such as/],
    [{ url: "redis://ada:%E0%A4canary@cache" }, /not percent-encoded/],
    [{ url: "redis://:canary@cache/first" }, /database is not a number/],
    [{ url: "redis://:canary@cache", tls: { ca: "x" } }, /does not begin with rediss/],
    [{ url: "redis://:canary@cache", timeout: 0 }, /timeout 0/],
    [{ url: "redis://:canary@cache", maxEntryBytes: Number.NaN }, /maxEntryBytes/],
  ]
  for (const [options, message] of wrong) {
    let error: unknown
    try {
      resolve(options)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: "BAD_CONFIG", message: expect.stringMatching(message) })
    expect(JSON.stringify([error, (error as Error).message, (error as Error).stack])).not.toContain("canary")
  }
})
