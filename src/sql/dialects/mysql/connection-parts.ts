import type { OpenAside } from "./cancel.ts"
import type { ZeroDates } from "./columns/temporal.ts"
import type { Enforcement } from "./enforcement.ts"
import type { TypedParameter } from "./params.ts"
import type { Refusals } from "./refusals.ts"
import type { SessionState } from "./session-state.ts"
import type { Wire } from "./wire/wire.ts"

/** What a connection is made of. */
export interface ConnectionParts {
  readonly wire: Wire
  readonly state: SessionState
  readonly enforcement: Enforcement
  readonly refusals: Refusals
  /** Where a session begins. */
  readonly database: string | undefined
  readonly zeroDates: ZeroDates | undefined
  /** `mysql2`'s parameters of a stated type. */
  readonly typed: TypedParameter | undefined
  /** Opens a connection for KILL QUERY. */
  readonly openAside: OpenAside
}
