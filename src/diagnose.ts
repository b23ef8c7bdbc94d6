import { connection, resolveName } from "./connection.ts"
import { type BaseConnection, control, currentEnvironment, type Environment, isConnection } from "./core/index.ts"
import { isMooringError, MooringError } from "./errors.ts"
import { loadClass, resolveType } from "./resolve-type.ts"
import { collectTexts, redact } from "./secrets/index.ts"
import type { SQLConnection } from "./sql/index.ts"
import { withDeadline } from "./util/abort.ts"
import { type Duration, toMilliseconds } from "./util/duration.ts"

/** What {@link diagnose} looks at, in this order. */
export type StepName = "secrets" | "section" | "type" | "driver" | "connect" | "ping" | "version"

/** What came of looking at one thing. */
export interface Step {
  readonly name: StepName
  /** `skipped`: there was nothing to look at. */
  readonly status: "ok" | "failed" | "skipped"
  /** What was found, one sentence at most; never a secret. */
  readonly detail: string
  /** What to do; of failed steps, and of those that found something odd. */
  readonly hint: string | undefined
  readonly milliseconds: number
}

/** How {@link diagnose} waits. */
export interface DiagnoseOptions {
  signal?: AbortSignal
  /** For each of connect and ping. Default 15 s. */
  timeout?: Duration
}

/**
 * Looks at everything that a connection needs, one thing after the other, and stops at the first that fails: secrets
 * files, section, type, driver package, connect, ping, version.
 *
 * @param name as for `connection()`.
 * @throws the reason of `signal` when it aborts, nothing else: failures are steps.
 * @example for await (const { name, status, detail, hint } of diagnose("pets")) console.log(status, name, detail, hint)
 */
export async function* diagnose(name: string, options: DiagnoseOptions = {}): AsyncGenerator<Step, void, undefined> {
  const { signal, timeout = "15s" } = options
  const environment = currentEnvironment()
  const look: Look = { environment, name, signal, timeout: toMilliseconds(timeout, "timeout") }
  for (const [step, work] of steps) {
    const began = performance.now()
    const found = await attempt(look, work)
    yield { name: step, hint: undefined, ...found, milliseconds: performance.now() - began }
    if (found.status === "failed") return
  }
}

/** What the steps know, and what they leave for those after them. */
interface Look {
  readonly environment: Environment
  /** As it was given, and from the first step on that of the section. */
  name: string
  readonly signal: AbortSignal | undefined
  readonly timeout: number
  connection?: BaseConnection
}

type Found = Pick<Step, "status" | "detail"> & { readonly hint?: string }
type Work = (look: Look) => Found | Promise<Found>

const steps: readonly (readonly [StepName, Work])[] = [
  ["secrets", lookAtSecrets],
  ["section", lookAtSection],
  ["type", lookAtType],
  ["driver", lookAtDriver],
  ["connect", connect],
  ["ping", ping],
  ["version", lookAtVersion],
]

async function attempt(look: Look, work: Work): Promise<Found> {
  look.signal?.throwIfAborted()
  try {
    return await work(look)
  } catch (error) {
    look.signal?.throwIfAborted()
    const message = error instanceof Error ? error.message : String(error)
    const hint = isMooringError(error) ? error.hint : undefined
    return { status: "failed", detail: withoutSecrets(look, message), ...(hint !== undefined && { hint }) }
  }
}

function lookAtSecrets(look: Look): Found {
  look.name = resolveName(look.name)
  const { name, environment } = look
  const { secrets } = environment
  const { problems, places } = secrets
  const blocking = problems.find((problem) => problem.message === whyNot(() => secrets.section(name)))
  if (blocking) throw blocking
  const files = new Set(secrets.list().map(({ origin }) => origin.replace(/ \[.*/, "")))
  return {
    status: "ok",
    detail: files.size > 0 ? [...files].join(", ") : `nothing is configured; looked at ${places.join(", ")}`,
    ...(problems.length > 0 && { hint: problems.map((problem) => problem.message).join(" ") }),
  }
}

function whyNot(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function lookAtSection({ environment, name }: Look): Found {
  const section = environment.secrets.section(name)
  if (section) return { status: "ok", detail: `${section.origin}: ${section.keys.join(", ")}` }
  // A name that is itself a type needs no section; for any other, this is the error that says where to write one.
  resolveType(environment, name, {})
  return { status: "skipped", detail: `there is none; ${JSON.stringify(name)} is a type by itself` }
}

async function lookAtType(look: Look): Promise<Found> {
  const { environment, name } = look
  const spec = resolveType(environment, name, {})
  const { name: className } = await loadClass(environment, name, spec)
  const made = await connection(name, { lazy: true })
  if (!isConnection(made)) throw new MooringError("NOT_A_CONNECTION", `Connection "${name}" is replaced by a fake.`)
  look.connection = made as BaseConnection
  const { dialect } = made as Partial<SQLConnection>
  const key = spec.kind === "loader" ? spec.key : className
  return { status: "ok", detail: dialect === undefined ? `${key}, class ${className}` : `${key}, dialect ${dialect}` }
}

async function lookAtDriver({ connection, environment }: Look): Promise<Found> {
  const { dialect: name } = connection as Partial<SQLConnection>
  if (name === undefined) return { status: "skipped", detail: "only SQL connections have one" }
  const [{ dialects }, { driverMissing, installedVersion }] = await Promise.all([
    import("./sql/index.ts"),
    import("./sql/import-driver.ts"),
  ])
  const driver = dialects.find((dialect) => dialect.name === name)?.driver
  if (!driver) return { status: "ok", detail: "comes with the runtime, nothing to install" }
  const version = installedVersion(driver.package)
  if (version === undefined) throw driverMissing(driver, environment.projectDir)
  return { status: "ok", detail: `${driver.package} ${version}` }
}

async function connect({ connection, name, signal, timeout }: Look): Promise<Found> {
  const late = `Connection "${name}" was not made within ${timeout / 1000} s.`
  await withDeadline({ signal, timeout }, late, (within) => connection![control].connect(within))
  const { location } = connection!.toJSON()
  return { status: "ok", detail: location === undefined ? "connected" : `connected to ${location}` }
}

async function ping({ connection, signal, timeout }: Look): Promise<Found> {
  const healthy = await withDeadline({ signal }, "", () => connection!.isHealthy({ timeout: timeout / 1000 }))
  if (!healthy) throw connection!.lastError
  return { status: "ok", detail: "answered" }
}

/** Classes whose raw connection has a `version` tell it. */
async function lookAtVersion({ connection }: Look): Promise<Found> {
  const raw = await (connection as unknown as { _instance: Promise<unknown> })._instance
  const version = (raw as { version?: unknown } | undefined)?.version
  if (typeof version !== "string" || version === "") return { status: "skipped", detail: "it does not tell" }
  return { status: "ok", detail: version }
}

/** Drivers quote what they were given. What stands in the section under a secret key is taken out again. */
function withoutSecrets({ environment, name }: Look, text: string): string {
  try {
    const section = environment.secrets.section(name)
    const texts = (section?.layers ?? []).flatMap(({ filled }) => filled)
    const { secrets, shown } = collectTexts([{ values: section?.values ?? {}, texts }])
    return redact(text, { secrets, shown: [...shown, name] })
  } catch {
    // A section that cannot be read gave nothing to a driver.
    return text
  }
}
