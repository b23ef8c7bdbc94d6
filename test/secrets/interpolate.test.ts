// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what is tested is written so
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { InterpolationProblem, interpolate } from "../../src/secrets/interpolate.ts"

const env: Record<string, string> = { USER: "ada", EMPTY: "", DOLLAR: "$" + "{USER}" }
const fill = (text: string) => interpolate(text, (name) => env[name])

describe("interpolation", () => {
  test.each([
    ["${USER}", "ada"],
    ["postgres://${USER}:${MISSING:-pw}@h", "postgres://ada:pw@h"],
    ["${EMPTY}", ""],
    ["${EMPTY:-filled}", "filled"],
    ["${MISSING:-}", ""],
    ["${USER:-other}", "ada"],
    ["${MISSING:-${USER}!}", "ada!"],
    ["${MISSING:-${ALSO:-deep}}", "deep"],
    ["${MISSING:-a:-b}", "a:-b"],
    ["$${USER}", "${USER}"],
    ["$$${USER}", "$${USER}"],
    ["${MISSING:-$${USER}", "${USER"],
    ["$USER $ $$ 5$ {USER}", "$USER $ $$ 5$ {USER}"],
    ["a}b", "a}b"],
    ["${DOLLAR}", "${USER}"],
  ])("%s is %s", (text, expected) => expect(fill(text)).toBe(expected))

  test.each(["${", "${}", "${1A}", "${ USER}", "${USER", "${USER-x}", "${USER:-x", "${MISSING:-${USER}", "${A:x}"])(
    "%s is refused",
    (text) => {
      expect(() => fill(text)).toThrow(expect.objectContaining({ kind: "malformed", variable: undefined }))
    },
  )

  test("an unset variable is named", () => {
    expect(() => fill("a${MISSING}")).toThrow(expect.objectContaining({ kind: "unset", variable: "MISSING" }))
  })

  test("50,000 defaults inside each other are refused, not a stack overflow", () => {
    expect(() => fill("${A:-".repeat(50_000) + "}".repeat(50_000))).toThrow(InterpolationProblem)
  })

  test("texts without ${ stay as they are, and escaping any text gives it back", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("$", "{", "}", "a", ":-", "\\") }), (text) => {
        if (!text.includes("${")) expect(fill(text)).toBe(text)
        else if (!text.includes("$${")) expect(fill(text.split("${").join("$${"))).toBe(text)
      }),
    )
  })

  test("what a variable holds is never looked at again", () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: fc.constantFrom("$", "{", "}", "U", ":-") }), (before, value) => {
        const plain = before.replaceAll("$", "")
        expect(interpolate(`${plain}\${U}!`, () => value)).toBe(`${plain}${value}!`)
      }),
    )
  })
})
