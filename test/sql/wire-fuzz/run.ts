import { createServer, type Socket } from "node:net"
import type { Broken, Random } from "./random.ts"

/** One server with one broken message, and what a client makes of it. */
export interface Case {
  readonly stage: string
  /** What was broken, once it was sent. */
  broken(): Broken | undefined
  /** The rows that the statement has. */
  readonly right: readonly unknown[]
  serve(socket: Socket): void
  use(port: number, signal: AbortSignal): Promise<readonly unknown[]>
}

/** What came of many of them. */
export interface Outcome {
  tried: number
  errors: number
  answers: number
  hangs: number
  crashes: number
  wrong: number
  /** What went wrong, the first of them. */
  readonly faults: string[]
}

/** How long a client may take from the end of its link to its answer; milliseconds. Far more than any deadline. */
const patience = 60_000

/** A server that has nothing more to say hangs up; milliseconds. */
const quiet = 60

/** Tries so many broken messages, some at a time. `beat` is called again and again: where it is not, the process hangs. */
export async function tryMany(
  makeCase: (random: Random) => Case,
  newRandom: (index: number) => Random,
  count: number,
  beat: (outcome: Outcome) => void,
): Promise<Outcome> {
  const outcome: Outcome = { tried: 0, errors: 0, answers: 0, hangs: 0, crashes: 0, wrong: 0, faults: [] }
  const fault = (kind: "hangs" | "crashes" | "wrong", what: string) => {
    outcome[kind]++
    if (outcome.faults.length < 20) outcome.faults.push(`${kind}: ${what}`)
  }
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) =>
      fault("crashes", error instanceof Error ? (error.stack ?? "") : String(error)),
    )
  }
  let next = 0
  const worker = async () => {
    while (outcome.tried < count) {
      const index = next++
      await tryOne(makeCase(newRandom(index)), index, outcome, fault)
      if (index % 50 === 0) beat(outcome)
    }
  }
  await Promise.all(Array.from({ length: 60 }, worker))
  return outcome
}

async function tryOne(
  one: Case,
  index: number,
  outcome: Outcome,
  fault: (kind: "hangs" | "crashes" | "wrong", what: string) => void,
): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.setTimeout(quiet, () => socket.end())
    one.serve(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  const told = () => `case ${index}, ${one.stage}, ${one.broken()?.damage}`
  const late = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const hang = new Promise<"hang">((resolve) => {
    timer = setTimeout(() => resolve("hang"), patience)
  })
  try {
    const found = await Promise.race([one.use(port, late.signal), hang])
    if (found === "hang") fault("hangs", told())
    else {
      outcome.answers++
      const isRight = JSON.stringify(found) === JSON.stringify(one.right)
      if (one.broken()?.mustBeRight && !isRight) fault("wrong", `${told()}: ${JSON.stringify(found)}`)
    }
  } catch (error) {
    if (error instanceof Error) outcome.errors++
    else fault("crashes", `${told()}: ${String(error)}`)
  } finally {
    clearTimeout(timer)
    late.abort(new Error("It took too long."))
    for (const socket of sockets) socket.destroy()
    server.close()
    if (one.broken() !== undefined) outcome.tried++
  }
}
