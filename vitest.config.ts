import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig, type ViteUserConfig } from "vitest/config"

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const src = (path: string) => file(`src/${path}`)

/** What every run of tests has in common. */
export const common = {
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
    globalSetup: ["test/support/servers.ts", "test/support/built-package.ts"],
    // Ends a test that hangs. It is no measure of speed: a machine may be very busy.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    maxWorkers: "100%",
    // Workers inherit the environment of the person who runs them: a stray secrets file must not reach a test.
    env: { MOORING_SECRETS: "", MOORING_PROJECT: "" },
  },
} satisfies ViteUserConfig

/** What `npm test` leaves to `npm run test:all`: servers that a newcomer does not have, servers that few tests share, and fuzzing. */
const later = [
  "test/sql/mysql/**",
  "test/cache/redis/**",
  "test/soak/**",
  "test/sql/postgres/{broken-server,german,pooler,standby}.test.ts",
  "test/sql/*fuzz.test.ts",
  "test/cache/disk-killed.test.ts",
  "test/docs/engines.test.ts",
]

export default defineConfig(({ mode }) => {
  if (mode !== "quick") return common
  const { test } = common
  const env = { ...test.env, MOORING_TEST_SERVERS: "postgresql" }
  // Most of these tests wait for a process or a file: every core can have two.
  const maxWorkers = 2 * availableParallelism()
  return { ...common, test: { ...test, exclude: [...test.exclude, ...later], env, maxWorkers } }
})
