/*
 * Modules of Node's that are slow to import by name: for that, Node reads everything that they export. With it `node:fs`
 * loads the streams, and `node:util` opens that of stderr.
 */

export const fs: typeof import("node:fs") = process.getBuiltinModule("node:fs")

const util: typeof import("node:util") = process.getBuiltinModule("node:util")
export const inspect: typeof util.inspect = util.inspect
export const types: typeof util.types = util.types

/** True for an address of IPv4 in its usual form. `node:net` is loaded when somebody asks. */
export function isIPv4(text: string): boolean {
  return process.getBuiltinModule("node:net").isIPv4(text)
}
