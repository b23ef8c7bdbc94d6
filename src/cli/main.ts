#!/usr/bin/env node
import { endProcess } from "./interrupt.ts"
import { run } from "./run.ts"

process.exitCode = await run(process.argv.slice(2))
endProcess()
