import { defineConfig } from "vitest/config"
import base from "../../vitest.config.ts"

/** `npm run test:faults`: each file has a server of its own and hurts it. They take minutes, so `npm test` leaves them out. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ["test/faults/**/*.test.ts"],
    exclude: [],
    globalSetup: [...base.test!.globalSetup!, "test/faults/report-setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
