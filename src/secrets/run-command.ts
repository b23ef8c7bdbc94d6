/** A command that gave no value. Its message is ours: what the command printed may be the secret. */
export class CommandFailure extends Error {}

/** How to run a command. */
export interface CommandOptions {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
  readonly maxBytes: number
}

/**
 * What a program prints to its standard output, as UTF-8. No shell takes part.
 *
 * @throws CommandFailure if it cannot be started, fails, takes too long or prints too much; `signal.reason` on abort.
 */
export async function runCommand(argv: readonly string[], options: CommandOptions): Promise<string> {
  const { execFile } = await import("node:child_process")
  options.signal?.throwIfAborted()
  return await new Promise((resolve, reject) => {
    const child = execFile(
      argv[0]!,
      argv.slice(1),
      {
        cwd: options.cwd,
        env: options.env,
        encoding: "utf8",
        timeout: options.timeoutMs,
        maxBuffer: options.maxBytes,
        killSignal: "SIGKILL",
        windowsHide: true,
        ...(options.signal && { signal: options.signal }),
      },
      (error, stdout) => {
        if (!error) resolve(stdout)
        else if (options.signal?.aborted) reject(options.signal.reason)
        else reject(new CommandFailure(reasonOf(error, options)))
      },
    )
    // A program that asks for something would wait for ever on an open pipe.
    child.stdin?.on("error", () => {}).end()
  })
}

function reasonOf(error: Error & { code?: unknown; killed?: boolean; signal?: unknown }, options: CommandOptions) {
  if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") return `printed more than ${options.maxBytes} bytes`
  if (error.code === "ERR_ACCESS_DENIED") return "may not be started: node has no --allow-child-process"
  if (error.code === "ENOENT") return "was not found"
  if (error.code === "EACCES") return "may not be executed"
  if (error.killed) return `did not finish within ${options.timeoutMs / 1000} s`
  if (typeof error.code === "number") return `ended with exit code ${error.code}`
  if (error.signal) return `was ended by ${error.signal}`
  return typeof error.code === "string" ? `could not be started (${error.code})` : "could not be run"
}
