import { defineConfig } from "vitest/config"
import { common } from "../../vitest.config.ts"

const writesReport = process.env.MOORING_WRITE_REPORT === "1"

/** `npm run test:faults`: each file has a server of its own and hurts it. They take minutes, so `npm test` leaves them out. */
export default defineConfig({
  ...common,
  test: {
    ...common.test,
    // What drivers lose alone is measured for the report only.
    include: ["test/faults/**/*.test.ts", ...(writesReport ? ["test/faults/drivers.ts"] : [])],
    exclude: [],
    globalSetup: [...common.test.globalSetup, "test/faults/report-setup.ts"],
  },
})
