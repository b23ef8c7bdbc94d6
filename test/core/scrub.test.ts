import { inspect } from "node:util"
import { describe, expect, test } from "vitest"
import { BaseConnection, connection } from "../../src/index.ts"
import { setVariable, useConfiguration, useProject } from "../support/project.ts"

const canary = 'cAnArY-77"\\31 hünter&2'

/** All that a program can see, print, send or copy of what was thrown. */
function everythingOf(value: unknown): string {
  const attempt = (work: () => unknown): string => {
    try {
      return String(work())
    } catch (error) {
      return `cannot: ${(error as Error).message}`
    }
  }
  const all = { depth: 30, showHidden: true, getters: true, maxStringLength: null, maxArrayLength: null } as const
  return [
    inspect(value),
    inspect(value, all),
    inspect(value, { ...all, customInspect: false }),
    attempt(() => JSON.stringify(value)),
    attempt(() => value),
    attempt(() => (value as Error).stack),
    attempt(() => inspect(structuredClone(value), all)),
  ].join("\n")
}

const bytes = Buffer.from(canary)
const forms: Readonly<Record<string, string>> = {
  plain: canary,
  "for JSON": JSON.stringify(canary).slice(1, -1),
  "for JSON, twice": JSON.stringify(JSON.stringify(canary)).slice(3, -3),
  "for a URL": encodeURIComponent(canary),
  "for a URL, twice": encodeURIComponent(encodeURIComponent(canary)),
  "for a form": new URLSearchParams({ k: canary }).toString().slice(2),
  "as new URL() writes it": new URL(`http://u:${encodeURIComponent(canary)}@h/`).password,
  "in base64": bytes.toString("base64"),
  "in base64 for URLs": bytes.toString("base64url"),
  "in base64 after a user": Buffer.from(`u:${canary}`).toString("base64"),
  "in base64 after a longer user": Buffer.from(`ada:${canary}`).toString("base64"),
  "in hexadecimal": bytes.toString("hex"),
  "as a list": bytes.join(),
}

/** Pieces of the plain secret, of its base64 and of its bytes, as printed. */
const traces = ["hünter", "h%C3%BCnter", bytes.toString("base64").slice(0, 12), bytes.toString("hex"), bytes.join()]

function seenIn(text: string): string[] {
  const lines = [text, text.replaceAll(" ", "")]
  return traces.filter((trace) => lines.some((line) => line.includes(trace)))
}

const deep = (value: string) => {
  let found: object = { value }
  for (let depth = 0; depth < 40; depth++) found = { found }
  return found
}
const withProperty = (property: object) => Object.assign(new Error("refused"), property)

/** What clients throw, and what hangs on it. */
const ways: Readonly<Record<string, (secret: string) => unknown>> = {
  message: (secret) => new Error(`login with ${secret} failed`),
  name: (secret) => Object.assign(new Error("refused"), { name: `E${secret}` }),
  text: (secret) => `login with ${secret} failed`,
  object: (secret) => ({ error: `login with ${secret}` }),
  cause: (secret) => new Error("refused", { cause: new Error("below", { cause: { options: { secret } } }) }),
  "cause, a text": (secret) => new Error("refused", { cause: `below ${secret}` }),
  aggregate: (secret) => new AggregateError([new Error(secret), secret], `twice ${secret}`),
  options: (secret) => withProperty({ config: { headers: [{ Authorization: `Bearer ${secret}` }] } }),
  map: (secret) => withProperty({ config: new Map([["authorization", secret]]) }),
  "key of a map": (secret) => withProperty({ config: new Map([[{ secret }, 1]]) }),
  set: (secret) => withProperty({ config: new Set([secret]) }),
  headers: (secret) => withProperty({ headers: new Headers({ authorization: encodeURIComponent(secret) }) }),
  request: (secret) =>
    withProperty({
      request: new Request("http://x.invalid/", {
        headers: { authorization: `Basic ${Buffer.from(secret).toString("base64")}` },
      }),
      also: new Request("http://x.invalid/", { headers: { cookie: encodeURIComponent(secret) } }),
    }),
  url: (secret) => withProperty({ url: new URL(`http://x.invalid/?k=${encodeURIComponent(secret)}`) }),
  "search params": (secret) => withProperty({ params: new URLSearchParams({ secret }) }),
  deep: (secret) => withProperty(deep(secret)),
  circular: (secret) => {
    const error = withProperty({ secret }) as Error & { self?: unknown }
    error.self = [error]
    return error
  },
  "own getter": (secret) => Object.defineProperty(new Error("refused"), "config", { get: () => secret }),
  "getter of its class": (secret) => {
    class Refused extends Error {
      get config() {
        return secret
      }
    }
    return new Refused("refused")
  },
  "getter of its class that needs the object": (secret) => {
    class Refused extends Error {
      readonly #config = { secret }
      get config() {
        return this.#config
      }
      toJSON() {
        return this.#config
      }
    }
    return new Refused("refused")
  },
  "class field": (secret) => {
    class Client {
      readonly options = { secret }
    }
    return withProperty({ client: new Client() })
  },
  symbol: (secret) => withProperty({ [Symbol("options")]: { secret } }),
  "name of a symbol": (secret) => withProperty({ [Symbol(secret)]: 1 }),
  "not enumerable": (secret) => Object.defineProperty(new Error("refused"), "config", { value: { secret } }),
  key: (secret) => withProperty({ config: { [secret]: 1 } }),
  bytes: (secret) => withProperty({ body: Buffer.from(`{"password":"${secret}"}`) }),
  "array buffer": (secret) => withProperty({ body: new TextEncoder().encode(secret).buffer }),
  "error in an object": (secret) => withProperty({ response: { errors: [new Error(`in ${secret}`)] } }),
  frozen: (secret) => Object.freeze(Object.assign(new Error(`frozen ${secret}`), { secret })),
  toJSON: (secret) => withProperty({ toJSON: () => ({ secret }) }),
  "custom inspect": (secret) => withProperty({ [inspect.custom]: () => `E ${secret}` }),
  toString: (secret: string) => withProperty({ toString: () => `E ${secret}` }),
  promise: (secret) => withProperty({ token: Promise.resolve(secret) }),
  "DOM exception": (secret) => new DOMException(`refused ${secret}`, "DataError"),
  "not an error, with a prototype": (secret) => Object.create(Error.prototype, { message: { value: secret } }),
}

class LeakyConnection extends BaseConnection<{ secret: string }, { secret?: string; at: string; way: string }> {
  static override readonly secretKeys = ["frobnicator"]

  protected override async _connect(options: Record<string, unknown>): Promise<{ secret: string }> {
    const secret = String(options.secret ?? options.token ?? options.frobnicator ?? options.innocent)
    if (options.at === "connect") throw ways[String(options.way)]!(secret)
    return { secret }
  }

  use(way: string): Promise<never> {
    return this._use(({ secret }) => {
      throw ways[way]!(secret)
    })
  }

  fail<T>(make: (secret: string) => T): Promise<never> {
    return this._use(({ secret }) => {
      throw make(secret)
    })
  }

  cached(way: string): Promise<never> {
    return this._cached(way, {}, async () => {
      throw ways[way]!((await this._instance).secret)
    })
  }
}

const caught = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("nothing was thrown"),
    (error: unknown) => error,
  )

describe("what an author's class throws", () => {
  test.each(Object.keys(ways))("%s", async (way) => {
    const failing = new LeakyConnection("pets", { secret: canary, at: "connect", way })
    const pets = new LeakyConnection("pets", { secret: canary, at: "use", way })
    const thrown = [await caught(failing.isHealthy().then(() => Promise.reject(failing.lastError)))]
    thrown.push(await caught(pets.use(way)), await caught(pets.cached(way)))
    for (const error of thrown) {
      expect(seenIn(everythingOf(ways[way]!(canary)))).not.toEqual([])
      expect(seenIn(everythingOf(error))).toEqual([])
    }
  })

  test.each(Object.keys(forms))("the secret %s", async (form) => {
    const pets = new LeakyConnection("pets", { secret: canary, at: "use", way: "" })
    const error = (await caught(pets.fail(() => new Error(`<${forms[form]}> was refused`)))) as Error
    expect(error.message).toBe("<***> was refused")
  })

  test("keeps its class, its code and what holds no secret; the original is as it was", async () => {
    class Refused extends TypeError {
      readonly code = "E_REFUSED"
    }
    const body = { status: 401, headers: { authorization: `Bearer ${canary}`, date: "today" } }
    const [when, response] = [new Date(), new Response("no", { status: 401 })]
    const original = Object.assign(new Refused(`login with ${canary}`), { body, when, response })
    const pets = new LeakyConnection("pets", { secret: canary, at: "use", way: "" })
    const error = (await caught(pets.fail(() => original))) as typeof original
    expect(error).toBeInstanceOf(Refused)
    expect(error).toMatchObject({ code: "E_REFUSED", message: "login with ***", when, response })
    expect(error.response).toBe(response)
    expect(error.body).toEqual({ status: 401, headers: { authorization: "Bearer ***", date: "today" } })
    expect(original.message).toBe(`login with ${canary}`)
    expect(original.body.headers.authorization).toBe(`Bearer ${canary}`)
    expect(await caught(pets.fail(() => original))).toBe(error)
  })

  test("is the object itself where it holds no secret", async () => {
    const original = Object.assign(new Error("refused"), { socket: new Map([["a", new Response("no")]]) })
    const pets = new LeakyConnection("pets", { secret: canary, at: "use", way: "" })
    expect(await caught(pets.fail(() => original))).toBe(original)
  })

  test("is classified as it was thrown", async () => {
    let attempts = 0
    class Private extends BaseConnection<{ secret: string }, { token: string }> {
      protected override _connect({ token }: { token: string }) {
        return { secret: token }
      }
      protected override _classify(error: unknown) {
        return error instanceof Busy && error.isBusy() ? "wait" : "fatal"
      }
      use() {
        const work = ({ secret }: { secret: string }) => {
          if (++attempts < 3) throw new Busy(secret)
          return attempts
        }
        return this._use(work, { retry: true })
      }
    }
    class Busy extends Error {
      readonly #busy = true
      isBusy() {
        return this.#busy
      }
    }
    expect(await new Private("pets", { token: canary }).use()).toBe(3)
  })
})

describe("which values are secret", () => {
  const failure = async (name: string, options: object = {}) => {
    const made = caught(connection(name, { type: LeakyConnection, at: "connect", way: "message", ...options } as never))
    return (await made) as Error
  }

  test.each(["file", "command", "variable", "variable in a text"])("one that came by a %s", async (way) => {
    const project = useProject()
    const path = JSON.stringify(project.write("value", `${canary}\n`))
    setVariable("MOORING_TEST_CANARY", canary)
    const written = {
      file: `{ file = ${path} }`,
      command: `{ command = ["cat", ${path}] }`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a file has
      variable: '"${MOORING_TEST_CANARY}"',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what a file has
      "variable in a text": '"Bearer ${MOORING_TEST_CANARY} x"',
    }[way]
    project.secrets(`[connections.pets]\nat = "connect"\nway = "message"\ninnocent = ${written}\n`)
    const error = await failure("pets")
    expect(error.message).toMatch(/^login with .*\*\*\*.* failed$/)
    expect(seenIn(everythingOf(error))).toEqual([])
  })

  test("one of a key that the class declares, and no other", async () => {
    expect((await failure("pets", { frobnicator: "wobble-99" })).message).toBe("login with *** failed")
    expect((await failure("pets", { innocent: "wobble-99" })).message).toBe("login with wobble-99 failed")
  })

  test.each([
    ["Server=db;User Id=sa;Password=hunter-22;Encrypt=yes", "login with *** failed"],
    ["host=db user=sa password='hunter-22'", "login with host=db user=sa password='***' failed"],
    ["https://api.invalid/v1?token=hunter-22&page=2", "login with https://api.invalid/v1?token=***&page=2 failed"],
    ["postgres://ada:hunter-22@db/pets", "login with postgres://ada:***@db/pets failed"],
    ["postgres://ada:hunter-22@x?hunter-23@db/pets?email=a@b", "login with postgres://ada:***@b failed"],
  ])("the credentials inside %s", async (innocent, message) => {
    const key = innocent.startsWith("Server") ? "dsn" : "innocent"
    useConfiguration({ secrets: { connections: { pets: { [key]: innocent, secret: innocent } } } })
    const error = await failure("pets", { secret: undefined, innocent, [key]: innocent })
    expect(error.message).toMatch(/^login with .* failed$/)
    expect(error.message).not.toMatch(/hunter/)
    expect([message, "login with *** failed"]).toContain(error.message)
  })

  test("a password that is also a name leaves the name readable", async () => {
    class Refusing extends BaseConnection {
      protected _connect() {
        throw new Error('Connection "pets" at pets:1: password authentication failed for user "pets" (pets:pets@host)')
      }
    }
    const made = connection("pets", { type: Refusing, username: "pets", host: "pets", password: "pets" } as never)
    expect(((await caught(made)) as Error).message).toBe(
      'Connection "pets" at pets:1: password authentication failed for user "pets" (pets:***@host)',
    )
  })

  test("a password of a moment ago, too", async () => {
    const project = useProject()
    project.secrets('[connections.pets]\ntoken = "older-canary"\nat = "use"\n')
    const made: unknown = await connection("pets", { type: LeakyConnection } as never)
    const pets = made as LeakyConnection
    project.secrets('[connections.pets]\ntoken = "newer-canary"\nat = "use"\n')
    await pets.reset()
    const error = await caught(pets.fail((now) => new Error(`${now} replaced older-canary`)))
    expect((error as Error).message).toBe("*** replaced ***")
  })
})
