import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const src = (path: string) => file(`src/${path}`)

export default defineConfig({
  resolve: {
    alias: [
      { find: /^mooring$/, replacement: src("index.ts") },
      { find: /^mooring\/(sql|tables|testing)$/, replacement: src("$1/index.ts") },
      { find: "./worker-url.ts", replacement: file("test/support/worker-url.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // `npm run test:faults` runs these.
    exclude: ["test/faults/**"],
    globalSetup: ["test/support/servers.ts", "test/support/worker-program.ts"],
    testTimeout: 20_000,
    // Most tests wait for a process, a worker or a file: every core can have one.
    maxWorkers: "100%",
    // Workers inherit the environment of the person who runs them: a stray secrets file must not reach a test.
    env: { MOORING_SECRETS: "", MOORING_PROJECT: "" },
  },
})
