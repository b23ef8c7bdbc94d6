import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { defineConfig } from "tsdown"

/**
 * Small packages that `import "mooring"` needs at once. They are built into ours, because Node takes longer to find and load
 * their files than to run them.
 */
export const builtIn: readonly string[] = [
  "fast-string-truncated-width",
  "fast-string-width",
  "fastest-levenshtein",
  "lru-cache",
  "smol-toml",
]

/** The licenses of what is built in, which ask to go with it. */
function licenses(): string {
  const folder = (name: string) => fileURLToPath(new URL(`node_modules/${name}`, import.meta.url))
  const texts = builtIn.map((name) => {
    const file = readdirSync(folder(name)).find((entry) => /^licen[cs]e/i.test(entry))
    if (file === undefined) throw new Error(`${name} has no license.`)
    return `${name}\n\n${readFileSync(join(folder(name), file), "utf8").trim()}\n`
  })
  return `These packages are part of this one, each under its own license.\n\n${texts.join("\n\n")}`
}

const source = fileURLToPath(new URL("src/", import.meta.url))

/** What a module imports at once; `import()` comes later, if it comes. */
type ImportsOf = (module: string) => readonly string[]

/** The modules of ours that are loaded with these. */
function loadedWith(entries: readonly string[], importsOf: ImportsOf): Set<string> {
  const loaded = new Set<string>()
  const visit = (module: string): void => {
    if (loaded.has(module) || !module.startsWith(source)) return
    loaded.add(module)
    importsOf(module).forEach(visit)
  }
  for (const entry of entries) visit(source + entry)
  return loaded
}

let importing: Set<string> | undefined
let small: Set<string> | undefined

/**
 * Every file that Node loads costs about half a millisecond, so what `import "mooring"` loads is two of them and not
 * thirty: what `mooring/tables` and SQLite's worker need of it, and the rest.
 */
function chunkOf(module: string, importsOf: ImportsOf): string | null {
  importing ??= loadedWith(["index.ts"], importsOf)
  small ??= loadedWith(["tables/index.ts", "sql/dialects/sqlite/worker.ts"], importsOf)
  if (!importing.has(module)) return null
  return small.has(module) ? "base" : "main"
}

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
  deps: { onlyBundle: [...builtIn] },
  plugins: [
    {
      name: "licenses",
      generateBundle() {
        this.emitFile({ type: "asset", fileName: "licenses.txt", source: licenses() })
      },
    },
  ],
  outputOptions: {
    codeSplitting: {
      groups: [
        {
          debugName: "import",
          name: (module, bundle) => chunkOf(module, (id) => bundle.getModuleInfo(id)?.importedIds ?? []),
        },
      ],
    },
  },
})
