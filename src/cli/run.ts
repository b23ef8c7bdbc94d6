import { CommanderError } from "commander"
import { exitCodes, UsageError } from "./errors.ts"
import { Interrupted, interrupted, listenForInterrupts } from "./interrupt.ts"
import { printError, printWarnings } from "./print.ts"
import { makeProgram } from "./program.ts"
import { closeProject } from "./project.ts"

/**
 * Runs one command line.
 *
 * @returns the exit code: 0 done, 1 failed, 2 not understood, 130 after Ctrl-C.
 */
export async function run(args: readonly string[]): Promise<number> {
  const debug = args.includes("--debug")
  printWarnings(debug)
  listenForInterrupts()
  // Whoever reads our output may leave early. A query notices by itself; for the rest it makes no difference.
  process.stdout.on("error", ignoreClosedPipe)
  try {
    const program = await makeProgram(args)
    await program.parseAsync(args, { from: "user" })
    return Number(process.exitCode ?? exitCodes.ok)
  } catch (error) {
    return await report(error, debug)
  } finally {
    await closeProject()
  }
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error
}

async function report(error: unknown, debug: boolean): Promise<number> {
  // Commander has said what is wrong, or shown the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  // At a question, Ctrl-C is a key and no signal.
  if (error instanceof Interrupted) return error.exitCode
  // Whatever fails after Ctrl-C fails because of it.
  if (interrupted.aborted) return (interrupted.reason as Interrupted).exitCode
  // Whoever reads our output has seen enough, as in `mooring query … | head`.
  if ((error as NodeJS.ErrnoException | undefined)?.code === "EPIPE") return exitCodes.ok
  printError(error, { debug, known: await isKnown(error) })
  return error instanceof UsageError ? exitCodes.usage : exitCodes.failed
}

/** Whether an error was written for people. The public interface is loaded only where it can be one of its. */
async function isKnown(error: unknown): Promise<boolean> {
  return error instanceof UsageError || (await import("../index.ts")).isMooringError(error)
}
