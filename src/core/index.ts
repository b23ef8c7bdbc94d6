export {
  BaseConnection,
  type CachedOptions,
  type ReleaseOptions,
  type Scope,
  type UseOptions,
} from "./base-connection.ts"
export type { CacheConfiguration, Configuration, TypeLoader } from "./configuration.ts"
export { type ConnectionControl, type Controlled, control, isConnection, type RegistryEntry } from "./control.ts"
export { currentEnvironment, Environment, runInEnvironment } from "./environment.ts"
export type { Lease } from "./lifecycle.ts"
export { anonymousType } from "./registry.ts"
export { type OptionsLayer, type ResolvedOptions, reservedOptions } from "./resolve-options.ts"
export { type FailureAction, type RetryPolicy, withRetries } from "./retry.ts"
export { currentSession, endSession, requireSession, withSession } from "./sessions.ts"
export { type SourceIdentity, sourceIdentity } from "./source-identity.ts"
export { tableCodec } from "./table-codec.ts"
