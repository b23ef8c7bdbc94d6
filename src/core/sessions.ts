import { AsyncLocalStorage } from "node:async_hooks"
import { MooringError } from "../errors.ts"
import { processGlobal } from "../util/globals.ts"
import { warnOnce } from "../util/warn.ts"

/** Sessions of users: who is asking, so that session-scoped connections and caches are kept apart. */
interface LiveSession {
  readonly id: string
  /** How many `withSession` calls are running in it. */
  active: number
  idleTimer: NodeJS.Timeout | undefined
  readonly onEnd: Set<(id: string) => Promise<void> | void>
}

const shared = processGlobal("sessions@1", () => ({
  context: new AsyncLocalStorage<LiveSession>(),
  live: new Map<string, LiveSession>(),
  /** Who says so, and how long a session may be idle; the shortest counts. */
  idleAfter: new Map<object, number>(),
}))

/**
 * Runs `work` in the session of this id, which begins here or is joined. It does not end with the work: `endSession`
 * and `configure({ sessionIdle })` end it.
 *
 * @example app.get("/", (request) => withSession(request.session.id, () => page(request)))
 */
export async function withSession<T>(id: string, work: () => Promise<T> | T): Promise<T> {
  if (typeof id !== "string" || id === "") {
    throw new MooringError("NO_SESSION", "withSession() needs the session's id, a text that is not empty.")
  }
  const session = shared.live.get(id) ?? begin(id)
  clearTimeout(session.idleTimer)
  session.active++
  try {
    return await shared.context.run(session, work)
  } finally {
    if (--session.active === 0) endWhenIdle(session)
  }
}

/** Ends a session: its connections are released when their users are done, its cached results are forgotten. */
export async function endSession(id: string): Promise<void> {
  const session = shared.live.get(id)
  if (!session) return
  shared.live.delete(id)
  clearTimeout(session.idleTimer)
  await Promise.all([...session.onEnd].map((end) => end(id)))
}

/** The id of the session that the calling code runs in. */
export function currentSession(): string | undefined {
  return shared.context.getStore()?.id
}

/**
 * The id of the session that the calling code runs in.
 *
 * @param what names what needs one, for the error: `Connection "profile"`.
 * @throws MooringError `NO_SESSION` outside `withSession`.
 */
export function requireSession(what: string, connection?: string): string {
  const id = currentSession()
  if (id !== undefined) return id
  throw new MooringError("NO_SESSION", `${what} belongs to a session, and this code does not run in one.`, {
    connection,
    hint: "Run it inside withSession(id, work), once per request.",
  })
}

/**
 * What runs later work in the session that the calling code runs in: a stream is read by whoever sends it, after the
 * request's code has returned.
 */
export function keepSession(): <R>(work: () => R) => R {
  const session = shared.context.getStore()
  return session === undefined ? (work) => work() : (work) => shared.context.run(session, work)
}

/** Runs work that belongs to no session, such as what is kept for all. */
export function outsideSession<R>(work: () => R): R {
  return shared.context.exit(work)
}

/** Has `end` called when the session of this id ends; the same function once, however often it is given. */
export function onSessionEnd(id: string, end: (id: string) => Promise<void> | void): void {
  const session = shared.live.get(id) ?? begin(id)
  session.onEnd.add(end)
  // Work of a session that has ended goes on, and has just begun another of its id.
  if (session.active === 0) endWhenIdle(session)
}

/**
 * How long a session may go without a `withSession` before it ends by itself; milliseconds.
 *
 * @param owner who says so; `Infinity` takes back what it said.
 */
export function setSessionIdle(owner: object, milliseconds: number): void {
  if ((shared.idleAfter.get(owner) ?? Number.POSITIVE_INFINITY) === milliseconds) return
  if (milliseconds === Number.POSITIVE_INFINITY) shared.idleAfter.delete(owner)
  else shared.idleAfter.set(owner, milliseconds)
  for (const session of shared.live.values()) if (session.active === 0) endWhenIdle(session)
}

/** So many sessions at once are rather those that nobody ends. */
const many = 10_000

function begin(id: string): LiveSession {
  if (shared.live.size >= many && shared.idleAfter.size === 0) {
    warnOnce(
      "many sessions",
      `${many} sessions are open, and each keeps its connections and results. Call endSession(id) when a session is over, or configure({ sessionIdle: "1h" }).`,
    )
  }
  const session: LiveSession = { id, active: 0, idleTimer: undefined, onEnd: new Set() }
  shared.live.set(id, session)
  return session
}

function endWhenIdle(session: LiveSession): void {
  clearTimeout(session.idleTimer)
  const wait = Math.min(...shared.idleAfter.values())
  if (!Number.isFinite(wait)) return
  const end = () => {
    if (shared.live.get(session.id) === session) void endSession(session.id)
  }
  session.idleTimer = setTimeout(end, Math.min(wait, 2 ** 31 - 1))
  session.idleTimer.unref()
}
