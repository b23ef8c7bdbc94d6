/** Loaded before an example: `mooring` is the package that was built for this run. */
import { registerHooks } from "node:module"

const { MOORING_BUILT: folder } = process.env

registerHooks({
  resolve(specifier, context, next) {
    const [, entry] = /^mooring(?:\/(sql|tables|testing))?$/.exec(specifier) ?? []
    if (specifier === "mooring") return next(new URL("index.js", folder).href, context)
    return next(entry === undefined ? specifier : new URL(`${entry}.js`, folder).href, context)
  },
})
