/** Loaded before the command line: says on standard error when a query begins, for tests that interrupt it. */
import { subscribe } from "node:diagnostics_channel"

subscribe("tracing:mooring:query:start", () => process.stderr.write("<query>"))
