import { types } from "../util/node.ts"
import type { SharedValues } from "./plain-data.ts"

/** What V8 needs for objects of each kind beside what they hold, in bytes, as measured. */
const costs = { object: 56, text: 24, bigint: 24, float: 24, slot: 8, bytes: 250, mapEntry: 32, member: 24 } as const

/** Objects with more properties than this are hash tables, whose keys are texts of their own. */
const fewProperties = 20
const perKey = 80

/** About how many bytes plain data occupies in V8: an upper estimate. Repeated objects count once. */
export function sizeOfData(value: unknown, shared: SharedValues): number {
  const seen = new Set<object>()
  const waiting: unknown[] = [value]
  let bytes = 0
  while (waiting.length > 0) {
    const item = waiting.pop()
    bytes += costs.slot
    if (typeof item === "string") bytes += costs.text + 2 * item.length
    else if (typeof item === "number") bytes += isSmallInteger(item) ? 0 : costs.float
    else if (typeof item === "bigint") bytes += costs.bigint + item.toString(16).length / 2
    if (typeof item !== "object" || item === null || seen.has(item)) continue
    seen.add(item)
    if (shared.accepts(item)) bytes += shared.sizeOf(item)
    else if (ArrayBuffer.isView(item) || types.isAnyArrayBuffer(item)) bytes += costs.bytes + item.byteLength
    else bytes += costs.object + pushMembers(item, waiting)
  }
  return Math.ceil(bytes)
}

/** Gives what holding the members costs. */
function pushMembers(item: object, waiting: unknown[]): number {
  if (types.isMap(item)) {
    for (const entry of item) waiting.push(entry[0], entry[1])
    return costs.mapEntry * item.size
  }
  if (types.isSet(item)) {
    for (const member of item) waiting.push(member)
    return costs.member * item.size
  }
  if (Array.isArray(item)) {
    for (const member of item) waiting.push(member)
    return 0
  }
  const names = Object.keys(item)
  let bytes = 0
  for (const name of names) {
    if (names.length > fewProperties) bytes += perKey + 2 * name.length
    waiting.push((item as Record<string, unknown>)[name])
  }
  return bytes
}

/** V8 keeps these in the place of a pointer. */
function isSmallInteger(value: number): boolean {
  return (value | 0) === value
}
