import {
  isReference,
  resolveReferences,
  type SecretReference,
  type SecretSource,
  type Section,
} from "../secrets/index.ts"
import type { Environment } from "./environment.ts"

type Values = Readonly<Record<string, unknown>>

/** Options that `connection()` keeps for itself, closed for ever: they are never passed to `_connect`. */
export const reservedOptions = ["type", "ttl", "maxEntries", "scope", "lazy", "signal", "timeout"] as const

/** What one source says, for those who must know which source is the stronger one. */
export interface OptionsLayer {
  /** For people: `.mooring/secrets.toml [connections.pets]`. */
  readonly source: string
  readonly values: Values
  /** It is a file of Streamlit's, which has to work unchanged. */
  readonly streamlit?: boolean
}

/** Everything that is configured for a connection. */
export interface ResolvedOptions {
  /** The section alone; empty when there is none. */
  readonly section: Values
  /** The section without `type`, with the call's options laid over it, key by key. */
  readonly values: Values
  /** The same source by source, the weakest first, the call's options last. */
  readonly layers: readonly OptionsLayer[]
  /** The keys whose values are fetched when the connection is made: `{ file }`, `{ command }` and functions. */
  readonly fetched: ReadonlySet<string>
  /** Where its secrets are: in the values by their keys, and whatever came by reference. */
  readonly secrets: SecretSource
}

/** Options without the reserved ones, and without those that are `undefined`: they say nothing. */
export function ownOptions<Options extends object>(options: Options): Options {
  const own = Object.entries(options).filter(([key, value]) => value !== undefined && !reserved.has(key))
  return Object.freeze(Object.fromEntries(own)) as Options
}

const reserved: ReadonlySet<string> = new Set(reservedOptions)

/** The section with the call's options over it, each `{ file }` and `{ command }` read now. */
export async function resolveOptions(
  environment: Environment,
  name: string,
  options: object,
  signal?: AbortSignal,
): Promise<ResolvedOptions> {
  // A rotated password may be newer than the last look of the watch.
  environment.secrets.refresh()
  const section = environment.secrets.section(name)
  // What is overridden is not read: the command behind a weaker layer may be slow, or gone.
  const references = [...referencesIn({ ...section?.values, ...options })]
  const numbered = Object.fromEntries(references.map((reference, index) => [String(index), reference]))
  const read = await resolveReferences(numbered, { signal })
  const texts = new Map(references.map((reference, index) => [reference, read[String(index)]]))
  return assemble(section, name, options, (reference) => texts.get(reference))
}

/** The same without reading anything: a reference is the text that says what it refers to. */
export function describeOptions(environment: Environment, name: string, options: object): ResolvedOptions {
  return assemble(environment.secrets.section(name), name, options, (reference) => reference.description)
}

function assemble(
  section: Section | undefined,
  name: string,
  options: object,
  read: (reference: SecretReference) => unknown,
): ResolvedOptions {
  const filled = (values: Values) => withoutType(fill(values, read) as Values)
  const own = filled(section?.values ?? {})
  return {
    section: frozen(section ? (fill(section.values, read) as Values) : {}),
    values: { ...own, ...options },
    layers: [
      ...(section?.layers ?? []).map(({ source, values, streamlit }) => ({
        source,
        values: filled(values),
        streamlit,
      })),
      { source: `the options of connection("${name}")`, values: options as Values },
    ],
    secrets: {
      values: { ...own, ...options },
      texts: [...(section?.layers ?? []).flatMap(({ filled }) => filled), ...fetchedTexts(section, options, read)],
    },
    fetched: new Set(
      Object.entries({ ...section?.values, ...options })
        .filter(([, value]) => isReference(value) || typeof value === "function")
        .map(([key]) => key),
    ),
  }
}

function fetchedTexts(
  section: Section | undefined,
  options: object,
  read: (reference: SecretReference) => unknown,
): string[] {
  const texts = [...referencesIn({ ...section?.values, ...options })].map(read)
  return texts.filter((text) => typeof text === "string")
}

function withoutType({ type: _, ...rest }: Values): Values {
  return rest
}

function* referencesIn(value: unknown): Generator<SecretReference> {
  if (isReference(value)) yield value
  else if (Array.isArray(value) || isPlain(value)) for (const item of Object.values(value)) yield* referencesIn(item)
}

function fill(value: unknown, read: (reference: SecretReference) => unknown): unknown {
  if (isReference(value)) return read(value)
  if (Array.isArray(value)) return value.map((item) => fill(item, read))
  if (!isPlain(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, read)]))
}

function frozen<T>(value: T): T {
  if (Array.isArray(value) || isPlain(value)) for (const item of Object.values(value)) frozen(item)
  else return value
  return Object.freeze(value)
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
