import { currentEnvironment } from "./core/index.ts"
import { inspect } from "./util/node.ts"

/** What {@link secrets} is. */
export interface Secrets {
  readonly [key: string]: unknown
  /**
   * Calls `listener` with the names of the connections whose section has changed, in any source.
   *
   * @returns a function that ends it.
   */
  onChange(listener: (change: { connections: readonly string[] }) => void): () => void
}

const shown = (): string => "[secrets: read them by name, as secrets.openai_key]"

// `console.log` looks at a proxy's target.
const target = Object.defineProperty({} as Secrets, inspect.custom, { value: shown, configurable: true })

const onChange: Secrets["onChange"] = (listener) => currentEnvironment().onSecretsChange(listener)

/**
 * All secrets, merged and read-only; nested tables are objects. `{ file }` and `{ command }` stay as they are written.
 *
 * @example import { secrets } from "mooring"; const key = secrets.openai_key
 */
export const secrets: Secrets = new Proxy(target, {
  get: (_, key) => {
    if (key === "onChange") return onChange
    const own = all()
    if (Object.hasOwn(own, key)) return Reflect.get(own, key)
    // What logs and templates ask for: they get a sentence, and never a value.
    return key === "toJSON" || key === "toString" || key === Symbol.toPrimitive ? shown : undefined
  },
  has: (_, key) => key === "onChange" || Reflect.has(all(), key),
  ownKeys: () => Reflect.ownKeys(all()),
  getOwnPropertyDescriptor: (_, key) => {
    const descriptor = Reflect.getOwnPropertyDescriptor(all(), key)
    // The proxy's own target has no such key, so it may only be told of one that could be changed.
    return descriptor && { ...descriptor, configurable: true, writable: false }
  },
  set: () => false,
  deleteProperty: () => false,
  defineProperty: () => false,
})

function all(): Readonly<Record<string, unknown>> {
  return currentEnvironment().secrets.all()
}
