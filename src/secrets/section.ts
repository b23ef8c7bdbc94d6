import type { MooringError } from "../errors.ts"
import type { Data } from "./guard.ts"
import { refusedExecution } from "./reference.ts"

/** What one source says about one connection, or about anything else. */
export interface Content {
  readonly kind: "file" | "configure"
  /** For people: `.mooring/secrets.toml`. */
  readonly display: string
  readonly data: Data
  /** `${VAR}`, `{ file }` and `{ command }` mean something here. */
  readonly references: boolean
  /** It is a file of Streamlit's, which has to work unchanged. */
  readonly streamlit: boolean
  /** Relative references start here. */
  readonly baseDir: string
  /** Why nothing that this source names may be executed; undefined when it may. */
  readonly refusal: string | undefined
}

/** A source that is there, cannot be read, and never could: what it says is not known. */
export interface Unread {
  readonly problem: MooringError
}

/** One source's part of a section. */
export interface SectionLayer {
  readonly kind: "file" | "configure" | "env"
  /** For people: `.mooring/secrets.toml [connections.pets]`, `MOORING_CONNECTIONS__PETS__PASSWORD`. */
  readonly source: string
  readonly values: Data
  /** It is from a file of Streamlit's, which has to work unchanged. */
  readonly streamlit: boolean
  /** Why nothing that this layer names may be executed; undefined when it may. */
  readonly refusal: string | undefined
  /** What was filled in for `${VAR}`. */
  readonly filled: readonly string[]
}

/** What is configured under one connection's name. */
export interface Section {
  readonly name: string
  /** The layers laid over each other, with a `SecretReference` wherever a value must be fetched. Frozen throughout. */
  readonly values: Data
  /** For people: `.mooring/secrets.toml [connections.pets], MOORING_CONNECTIONS__PETS__PASSWORD`. */
  readonly origin: string
  readonly keys: readonly string[]
  /** Changes when the content changes, in any source. Equal only within one process; tells nothing of the content. */
  readonly fingerprint: string
  /** Weakest first: the section of one file or of `configure`, then the environment. */
  readonly layers: readonly SectionLayer[]
}

/**
 * Refuses to execute what a section names (a module path under `type`) if the source that has the last word on the key
 * is a file that somebody else could have written.
 *
 * @param what begins the sentence: `The module of "pets"`.
 * @throws MooringError `SECRETS`.
 */
export function assertMayExecute(section: Section, key: string, what: string): void {
  const layer = section.layers.findLast(({ values }) => key in values)
  if (layer?.refusal !== undefined) {
    throw refusedExecution(`${what} is named by ${layer.source}`, layer.refusal)
  }
}
