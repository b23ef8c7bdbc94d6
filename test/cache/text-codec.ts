import type { Codec } from "../../src/cache/contract.ts"

/** JSON, for tests of stores. */
export const textCodec: Codec<unknown> = {
  id: "text",
  encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
}
