import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { collectTexts, isSecretKey, redact, secretTexts } from "../../src/secrets/index.ts"

describe("redact", () => {
  test.each([
    "password",
    "PASSWORD",
    "sslpassword",
    "api_key",
    "apiKey",
    "private_key",
    "access-token",
    "client_secret",
  ])("%s is a secret key", (key) => expect(isSecretKey(key)).toBe(true))

  test.each(["username", "host", "keyspace", "primary", "passive", "monkey", "url", "bypass_rule"])(
    "%s is none",
    (key) => expect(isSecretKey(key)).toBe(false),
  )

  test.each<[key: string, secret: unknown, path: string]>([
    ["sslkey", "MIIEvQ", "client.key"],
    ["ssl_key", "MIIEvQ", "/etc/ssl/client"],
    ["tlsKey", "MIIEvQ", "~/client"],
    ["service_account", '{"private_key":"x"}', "account.json"],
    ["googleServiceAccount", "abcdef", "./account"],
    ["kerberos_keytab", "BQIAAA", "/etc/krb5.keytab"],
    ["license", "ABCD-1234", "C:\\keys\\license"],
    ["seed", 12345678, "seed.txt"],
  ])("%s is secret, but not where it is a path", (key, secret, path) => {
    expect(isSecretKey(key, secret)).toBe(true)
    expect(isSecretKey(key, path)).toBe(false)
    expect(secretTexts({ [key]: secret })).toContain(String(secret))
    expect(secretTexts({ [key]: path })).not.toContain(path)
  })

  test("a certificate and a login are shown, and of a table of credentials only the secret ones are hidden", () => {
    expect(secretTexts({ cert: "MIIDdz", login: "ada-lovelace" })).toEqual([])
    const account = { type: "service_account", project_id: "pets-1", private_key: "hunter2" }
    expect(secretTexts({ service_account: account })).toEqual(["hunter2"])
  })

  test("finds passwords in keys, nested tables and URLs, as written and decoded", () => {
    const found = secretTexts({
      username: "ada",
      url: "postgresql://ada:p%40ss/w#rd@db/pets?sslpassword=hunter2&sslmode=require",
      nested: { token: ["one1", { value: "two2" }] },
      size: 1234,
      password: 56789,
    })
    expect([...found].sort()).toEqual(
      expect.arrayContaining(["56789", "hunter2", "one1", "p%40ss/w#rd", "p@ss/w#rd", "two2"]),
    )
    expect(found).not.toContain("ada")
    expect(found).not.toContain("require")
    expect(found).not.toContain("1234")
  })

  test("replaces whole secrets, the longest first, and leaves very short ones", () => {
    expect(redact("a secret-long and secret", { secrets: ["secret", "secret-long"], shown: [] })).toBe("a *** and ***")
    expect(redact("banana", { secrets: ["a"], shown: [] })).toBe("banana")
    expect(redact("$& here", { secrets: ["here", "$&$&"], shown: [] })).toBe("$& ***")
  })

  test.each(["-abcdef", "\\\\\\\\host"])(
    "a long run of backslashes is looked through for %s in linear time",
    (secret) => {
      const texts = { secrets: [secret], shown: [] }
      const run = "\\".repeat(200_000)
      expect(redact(run, texts)).toBe(run)
      expect(redact(`${run}${secret}`, texts)).toMatch(/\*\*\*$/)
      expect(redact(JSON.stringify(JSON.stringify(secret)), texts)).not.toMatch(/host|abcdef/)
    },
  )

  test("no secret survives, in a message or inside a URL", () => {
    const secret = fc
      .string({ minLength: 4, maxLength: 20 })
      .filter((text) => text.trim().length >= 4 && !"***".includes(text))
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (password, before, after) => {
        fc.pre(!password.includes("*"))
        const texts = collectTexts([{ values: { nested: { password } } }])
        const encoded = encodeURIComponent(password)
        const result = redact(`${before} ${password} ${encoded} ${after}`, texts)
        expect(result).not.toContain(password)
        expect(result).not.toContain(encoded)
      }),
    )
  })
})
