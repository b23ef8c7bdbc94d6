import { findProgram } from "./daemon.ts"
import { missingLanguage } from "./locales.ts"
import { missingMariaDB } from "./mariadb-server.ts"
import { postgresBinaries } from "./postgres-binaries.ts"
import { missingRedis } from "./redis-server.ts"

const reasons = {
  postgresql: () => (postgresBinaries() ? undefined : "this machine has no PostgreSQL server binaries"),
  german: () => missingLanguage("de_DE"),
  mariadb: missingMariaDB,
  redis: missingRedis,
  pgbouncer: () => (findProgram("pgbouncer") ? undefined : "this machine has no pgbouncer"),
} satisfies Record<string, () => string | undefined>

/** A server that tests may need. */
export type Requirement = keyof typeof reasons

/** Why a server cannot be started on this machine: a sentence without its capital and full stop, to stand in a name. */
export function missing(name: Requirement): string | undefined {
  return reasons[name]()
}

const required = new Set((process.env.MOORING_TEST_REQUIRE ?? "").split(/[\s,]+/).filter(Boolean))
for (const name of required) {
  if (Object.hasOwn(reasons, name)) continue
  throw new Error(`MOORING_TEST_REQUIRE has ${name}, which is none of: ${Object.keys(reasons).join(", ")}.`)
}

/** The servers of a run that is limited to some: `npm test` sets it. */
const limited = process.env.MOORING_TEST_SERVERS?.split(" ")

/**
 * Why tests that need a server are to be skipped, for their names. Undefined where the server can be started, and where
 * the variable MOORING_TEST_REQUIRE names it: then they run, and fail for want of it.
 */
export function unavailable(name: Requirement): string | undefined {
  if (required.has(name)) return undefined
  if (limited && !limited.includes(name)) return "npm run test:all runs it"
  return missing(name)
}
