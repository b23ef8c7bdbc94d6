import { defineConfig } from "tsdown"

export default defineConfig({
  entry: {
    index: "src/index.ts",
    sql: "src/sql/index.ts",
    tables: "src/tables/index.ts",
    testing: "src/testing/index.ts",
    cli: "src/cli/main.ts",
    "sqlite-worker": "src/sql/dialects/sqlite/worker.ts",
  },
  format: "esm",
  platform: "node",
  target: "node22.16",
  dts: true,
  fixedExtension: false,
  clean: true,
})
