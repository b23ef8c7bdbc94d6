#!/usr/bin/env node
import { run } from "./run.ts"

process.exitCode = await run(process.argv.slice(2))
// What a connection left behind (a timer, a socket) does not hold up the shell.
setTimeout(() => process.exit(), 1000).unref()
