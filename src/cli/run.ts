import { CommanderError } from "commander"
import { CommandError, exitCodes } from "./errors.ts"
import { Interrupted, interrupted, listenForInterrupts } from "./interrupt.ts"
import { failedWrite } from "./output.ts"
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
  const output = watchOutput()
  try {
    const program = await makeProgram(args)
    await program.parseAsync(args, { from: "user" })
    await output.written()
    return Number(process.exitCode ?? exitCodes.ok)
  } catch (error) {
    return await report(error, debug)
  } finally {
    await closeProject()
  }
}

/**
 * Stdout may end before we do: a reader leaves, a disk is full. A query notices that itself; for everything else,
 * `written()` rejects with the reason when a command is done.
 */
function watchOutput(): { written(): Promise<void> } {
  const { stdout } = process
  let failure: Error | undefined
  stdout.on("error", (error) => (failure ??= error))
  const flushed = () => new Promise<void>((resolve) => stdout.write("", () => resolve()))
  return {
    async written() {
      if (failure === undefined) await flushed()
      if (failure !== undefined) throw failure
    },
  }
}

async function report(error: unknown, debug: boolean): Promise<number> {
  // Commander has said what is wrong, or shown the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  // At a question, Ctrl-C is a key and no signal.
  if (error instanceof Interrupted) return error.exitCode
  // Whatever fails after Ctrl-C fails because of it.
  if (interrupted.aborted) return (interrupted.reason as Interrupted).exitCode
  // The reader of our output has seen enough, as in `mooring query … | head`.
  if ((error as NodeJS.ErrnoException | undefined)?.code === "EPIPE") return exitCodes.ok
  const told = failedWrite(error) ?? error
  printError(told, { debug, known: await isKnown(told) })
  return told instanceof CommandError ? told.exitCode : exitCodes.failed
}

/** Whether an error was written for people. The public interface is loaded only where it can be one of its. */
async function isKnown(error: unknown): Promise<boolean> {
  return error instanceof CommandError || (await import("../index.ts")).isMooringError(error)
}
