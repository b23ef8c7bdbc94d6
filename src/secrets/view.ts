import { isMooringError, MooringError } from "../errors.ts"
import { nearest } from "../util/suggest.ts"
import { environmentNames, type Override, overlayFor } from "./environment.ts"
import { fingerprint } from "./fingerprint.ts"
import { type Data, isTable } from "./guard.ts"
import type { Lookup } from "./interpolate.ts"
import { define, type MaterializeContext, toData, toValue, toValues } from "./materialize.ts"
import { header } from "./paths.ts"
import type { Content, Section, SectionLayer, Unread } from "./section.ts"

/** Everything that a view is made of, as it was at one moment. */
export interface ViewInput {
  /** Weakest first. */
  readonly sources: readonly (Content | Unread)[]
  readonly overrides: readonly Override[]
  /** For commands. */
  readonly env: NodeJS.ProcessEnv
  /** For `${VAR}`. */
  readonly lookup: Lookup
  readonly homeDir: string | undefined
}

/** One line of `mooring list`. */
export interface SectionSummary {
  readonly name: string
  readonly origin: string
  readonly keys: readonly string[]
  /** Why it cannot be used as it stands. */
  readonly problem: MooringError | undefined
}

/** All sources merged. Computed where asked; what was computed stays. */
export class View {
  /** The variables that `${VAR}` asked for, as they were. */
  readonly used: Map<string, string | undefined> = new Map()
  readonly #input: ViewInput
  readonly #contents: readonly Content[]
  readonly #known: readonly string[]
  readonly #sections = new Map<string, Section>()
  #all: Data | undefined

  constructor(input: ViewInput) {
    this.#input = input
    this.#contents = input.sources.filter((source) => "data" in source)
    this.#known = [...new Set(this.#contents.flatMap((content) => Object.keys(connectionsOf(content))))]
  }

  get names(): readonly string[] {
    return [...this.#known, ...environmentNames(this.#known, this.#input.overrides)].sort()
  }

  section(name: string): Section | undefined {
    const made = this.#sections.get(name)
    if (made) return made
    let layers: SectionLayer[]
    try {
      layers = this.#layers(name)
    } catch (error) {
      throw named(error, name)
    }
    if (layers.length === 0) return undefined
    const values = layers.reduce((below, layer) => laidOver(below, layer.values), nothing)
    const section: Section = sealed({
      name,
      values,
      origin: layers.map((layer) => layer.source).join(", "),
      keys: Object.freeze(Object.keys(values)),
      fingerprint: fingerprint(layers.map((layer) => [layer.kind === "env", layer.values])),
      layers: Object.freeze(layers),
    })
    this.#sections.set(name, section)
    return section
  }

  list(): readonly SectionSummary[] {
    return this.names.map((name) => {
      try {
        const { origin, keys } = this.section(name)!
        return { name, origin, keys, problem: undefined }
      } catch (problem) {
        if (!isMooringError(problem)) throw problem
        const content = this.#contents.findLast((one) => name in connectionsOf(one))
        const section = content && connectionsOf(content)[name]
        const origin = content ? `${content.display} ${header("connections", name)}` : "the environment"
        return { name, origin, keys: isTable(section) ? Object.keys(section) : [], problem }
      }
    })
  }

  /** The strongest source's word for each top-level key, but connections and our own settings merged one by one. */
  all(): Data {
    if (this.#all) return this.#all
    const result: Record<string, unknown> = Object.create(null)
    for (const content of this.#contents) {
      for (const [key, value] of Object.entries(content.data)) {
        if (key === "connections" && isTable(value)) continue
        if (key === "mooring" && isTable(value)) continue
        define(result, key, () => toData(value, key, this.#context(content, content.display)))
      }
    }
    const connections: Record<string, unknown> = Object.create(null)
    for (const name of this.names) define(connections, name, () => this.#connectionData(name))
    if (this.names.length > 0) define(result, "connections", () => Object.freeze(connections))
    const settings = this.settings()
    if (Object.keys(settings).length > 0) define(result, "mooring", () => settings)
    return (this.#all = Object.freeze(result))
  }

  /** `[mooring]`, key by key. */
  settings(): Data {
    return this.#settings(toData)
  }

  /** The same with references as such, for whoever may read them. */
  settingValues(): Data {
    return this.#settings(toValue)
  }

  #settings(read: (value: unknown, key: string, context: MaterializeContext) => unknown): Data {
    const result: Record<string, unknown> = Object.create(null)
    for (const content of this.#contents) {
      const table = content.data.mooring
      if (!isTable(table)) continue
      const context = this.#context(content, `${content.display} [mooring]`)
      for (const [key, value] of Object.entries(table)) define(result, key, () => read(value, key, context))
    }
    return Object.freeze(result)
  }

  /** A sentence on a table that was probably meant as `[connections.<name>]`. */
  misspelling(name: string): string | undefined {
    for (const { data, display } of this.#contents.toReversed()) {
      for (const [key, table] of Object.entries(data)) {
        const isNear = key !== "connections" && nearest(key, ["connections"]) !== undefined
        if (isNear && isTable(table) && name in table) {
          return `${display} has ${header(key, name)}, which should be ${header("connections", name)}.`
        }
      }
      if (isTable(data[name])) return `${display} has ${header(name)}, which should be ${header("connections", name)}.`
    }
    return undefined
  }

  /** The strongest source that has the section. A stronger one that cannot be read might have it: then nobody knows. */
  #base(name: string): Content | undefined {
    for (const source of this.#input.sources.toReversed()) {
      if ("problem" in source) throw source.problem
      if (name in connectionsOf(source)) return source
    }
    return undefined
  }

  #layers(name: string): SectionLayer[] {
    const layers: SectionLayer[] = []
    const base = this.#base(name)
    const written = base && this.#table(base, name)
    if (base && written) {
      const source = `${base.display} ${header("connections", name)}`
      const filled = new Set<string>()
      const values = toValues(written, { ...this.#context(base, source), filled })
      const { kind, streamlit, refusal } = base
      layers.push(Object.freeze({ kind, source, values, streamlit, refusal, filled: [...filled] }))
    }
    const overlay = overlayFor(name, this.#known, written, this.#input.overrides)
    if (overlay) {
      const { values, variables } = overlay
      const source = variables.join(", ")
      layers.push(Object.freeze({ kind: "env", source, values, streamlit: false, refusal: undefined, filled: [] }))
    }
    return layers
  }

  #table(content: Content, name: string): Data {
    const table = connectionsOf(content)[name]
    if (isTable(table)) return table
    throw new MooringError("SECRETS", `connections.${name} in ${content.display} is not a table.`, {
      hint: `Write ${header("connections", name)}, and below it one key a line.`,
    })
  }

  #connectionData(name: string): Data {
    const base = this.#base(name)
    const written = base && this.#table(base, name)
    const source = base ? `${base.display} ${header("connections", name)}` : ""
    const data = written ? (toData(written, "", this.#context(base, source)) as Data) : nothing
    const overlay = overlayFor(name, this.#known, written, this.#input.overrides)
    return overlay ? laidOver(data, overlay.values) : data
  }

  #context(content: Content, source: string): MaterializeContext {
    const { references, baseDir, refusal } = content
    const { env, homeDir, lookup } = this.#input
    return { references, baseDir, refusal, source, env, homeDir, lookup, used: this.used }
  }
}

const nothing: Data = Object.freeze(Object.create(null))

function connectionsOf(content: Content): Data {
  return isTable(content.data.connections) ? content.data.connections : nothing
}

/** Values and layers are there to be read, not to be shown by whoever logs the section. */
function sealed(section: Section): Section {
  Object.defineProperties(section, { values: { enumerable: false }, layers: { enumerable: false } })
  return Object.freeze(section)
}

function named(error: unknown, connection: string): unknown {
  if (!isMooringError(error) || error.connection !== undefined) return error
  const { code, message, hint, cause } = error
  return new MooringError(code, message, { connection, cause, ...(hint !== undefined && { hint }) })
}

/** Tables are merged key by key; anything else above replaces what is below. Keeps keys that throw when read. */
function laidOver(below: Data, above: Data): Data {
  const result: Record<string, unknown> = Object.create(null)
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(below))) {
    Object.defineProperty(result, key, { ...property, configurable: true })
  }
  for (const [key, value] of Object.entries(above)) {
    const under = Object.getOwnPropertyDescriptor(below, key)?.value
    const merged = isTable(value) && isTable(under) ? laidOver(under, value) : value
    Object.defineProperty(result, key, { value: merged, enumerable: true, configurable: true })
  }
  return Object.freeze(result)
}
