/** Loaded before an example: `mooring` is this repository's source. */
import { registerHooks } from "node:module"

const source = (path: string): string => new URL(`../../src/${path}`, import.meta.url).href

registerHooks({
  resolve(specifier, context, next) {
    const [, entry] = /^mooring(?:\/(sql|tables|testing))?$/.exec(specifier) ?? []
    if (specifier === "mooring") return next(source("index.ts"), context)
    return next(entry === undefined ? specifier : source(`${entry}/index.ts`), context)
  },
})
