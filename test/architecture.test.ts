import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { expect, test } from "vitest"
import { redisPackage } from "../src/cache/redis/client.ts"
import { errorCodes } from "../src/index.ts"
import { type DriverPackage, dialects } from "../src/sql/index.ts"
import { kyselyPackage } from "../src/sql/kysely.ts"
import { parquetPackage } from "../src/write-parquet.ts"
import { builtIn } from "../tsdown.config.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const source = join(root, "src")

interface Manifest {
  readonly dependencies: Record<string, string>
  readonly devDependencies: Record<string, string>
  readonly peerDependencies: Record<string, string>
  readonly peerDependenciesMeta: Record<string, { optional?: boolean }>
}

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest

/** One import or re-export. */
interface Import {
  readonly from: string
  readonly to: string
  /** `type`: gone when it runs; `dynamic`: `import()`, which happens when somebody calls. */
  readonly kind: "static" | "dynamic" | "type"
}

const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => relative(source, join(entry.parentPath, entry.name)))
  .sort()

const texts = new Map(files.map((file) => [file, readFileSync(join(source, file), "utf8")]))
const imports = files.flatMap((file) => importsOf(file, texts.get(file)!))

function importsOf(from: string, text: string): Import[] {
  const found: Import[] = []
  const add = (node: ts.Node, kind: Import["kind"]) => {
    if (!ts.isStringLiteralLike(node)) return
    const to = node.text.startsWith(".") ? relative(source, resolve(source, dirname(from), node.text)) : node.text
    found.push({ from, to, kind })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause) ? "type" : "static")
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      const named = node.exportClause && ts.isNamedExports(node.exportClause) ? node.exportClause.elements : undefined
      const onlyTypes = node.isTypeOnly || (named?.length && named.every((one) => one.isTypeOnly))
      add(node.moduleSpecifier, onlyTypes ? "type" : "static")
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, "type")
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0]!, "dynamic")
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(from, text, ts.ScriptTarget.Latest, true))
  return found
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const { namedBindings: named } = clause
  return !clause.name && !!named && ts.isNamedImports(named) && named.elements.every((element) => element.isTypeOnly)
}

/** The layers from the top. A layer imports from those below it and from itself. */
const layers = [
  ["cli", "console", "mcp"],
  ["index"],
  ["connection"],
  ["builtins"],
  ["sql"],
  ["core"],
  ["secrets", "cache", "tables"],
  ["util"],
  ["errors"],
] as const

type Layer = (typeof layers)[number][number]

/** Files at the top of `src`, by the layer that they belong to: everything that the public interface is put together of. */
const topFiles: Readonly<Record<string, Layer>> = {
  "builtins.ts": "builtins",
  "caches.ts": "connection",
  "close-on-signals.ts": "connection",
  "config-file.ts": "connection",
  "configure.ts": "connection",
  "connection.ts": "connection",
  "connection-types.ts": "connection",
  "connections.ts": "connection",
  "describe.ts": "connection",
  "diagnose.ts": "connection",
  "errors.ts": "errors",
  "index.ts": "index",
  "register.ts": "builtins",
  "resolve-type.ts": "connection",
  "secrets.ts": "connection",
  "write.ts": "connection",
  "write-parquet.ts": "connection",
}

/** Beside the index: what it offers is made of the same layers. */
const beside: Readonly<Record<string, Layer>> = { testing: "index", cli: "cli", console: "console", mcp: "mcp" }

function layerOf(file: string): Layer {
  const [folder] = file.split("/") as [string]
  const name = file.includes("/") ? (beside[folder] ?? folder) : (topFiles[file] ?? (file === "cli.ts" ? "cli" : file))
  if (!layers.flat().includes(name as Layer)) throw new Error(`src/${file} belongs to no layer: add it to this test`)
  return name as Layer
}

const levelOf = (layer: Layer): number => layers.findIndex((names) => (names as readonly string[]).includes(layer))
const ours = imports.filter(({ to }) => texts.has(to))
const told = ({ from, to, kind }: Import): string => `${from} → ${to}${kind === "static" ? "" : ` (${kind})`}`

test("the imports of every file are found", () => {
  expect(files.length).toBeGreaterThan(100)
  expect(ours.length).toBeGreaterThan(files.length)
  const lost = imports.filter(({ from, to }) => /\.ts$/.test(to) && !texts.has(to) && !to.includes("*") && from !== to)
  expect(lost.map(told)).toEqual([])
})

test("imports go in one direction", () => {
  const against = ours.filter(({ from, to }) => levelOf(layerOf(from)) > levelOf(layerOf(to)))
  expect(against.map(told)).toEqual([])
})

test("secrets, cache and tables do not import each other, nor do cli, console and mcp", () => {
  const across = ours.filter(
    ({ from, to }) => layerOf(from) !== layerOf(to) && levelOf(layerOf(from)) === levelOf(layerOf(to)),
  )
  expect(across.map(told)).toEqual([])
})

test("cli, console and mcp know the public interface only", () => {
  const inside = ours.filter(
    ({ from, to }) => levelOf(layerOf(from)) === 0 && layerOf(to) !== layerOf(from) && to !== "index.ts",
  )
  expect(inside.map(told)).toEqual([])
})

test("what stands above sql loads it when it is needed, except where its classes are exported", () => {
  const eager = ours.filter(
    ({ from, to, kind }) => kind === "static" && layerOf(to) === "sql" && levelOf(layerOf(from)) < levelOf("sql"),
  )
  const exporting = ["index.ts", "connections.ts", "testing/fake-sql.ts"]
  expect(eager.filter(({ from }) => !exporting.includes(from)).map(told)).toEqual([])
})

test("there is no cycle of imports that run", () => {
  const graph = new Map<string, string[]>()
  for (const { from, to, kind } of ours) if (kind === "static") graph.set(from, [...(graph.get(from) ?? []), to])
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file)
    if (at >= 0) return void cycles.push([...path.slice(at), file].join(" → "))
    if (done.has(file)) return
    for (const next of graph.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  expect(cycles).toEqual([])
})

/** `@scope/name/path` → `@scope/name`; undefined for Node's own modules. */
function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith("node:") || texts.has(specifier)) return undefined
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")
}

test("what is imported at once is little, and nothing that takes Node long to load", () => {
  const reached = new Set<string>()
  const visit = (file: string): void => {
    if (reached.has(file)) return
    reached.add(file)
    for (const { from, to, kind } of imports) if (from === file && kind === "static") visit(to)
  }
  visit("index.ts")
  const packages = [...reached].flatMap((name) => packageOf(name) ?? [])
  expect(packages.filter((name) => name !== "@uwdata/flechette" && !builtIn.includes(name))).toEqual([])
  // Loading these costs a millisecond or more: through util/node.ts it does not, nor where they are needed.
  const slow = [
    "child_process",
    "crypto",
    "fs",
    "fs/promises",
    "http",
    "net",
    "sqlite",
    "stream",
    "tls",
    "util",
    "zlib",
  ]
  expect(slow.filter((name) => reached.has(`node:${name}`))).toEqual([])
  const later = [
    "cache/codec.ts",
    "cache/disk.ts",
    "cache/redis/client.ts",
    "cache/redis/store.ts",
    "tables/from-rows.ts",
    "tables/write/writers.ts",
    ...files.filter((file) => /^(cli|testing)\/|\/(database|worker)\.ts$/.test(file)),
  ]
  expect(later.filter((file) => !texts.has(file))).toEqual([])
  expect(later.filter((file) => reached.has(file))).toEqual([])
})

test("every package that is imported is declared, and every declared one is imported", () => {
  const used = new Map<string, Set<Import["kind"]>>()
  for (const { to, kind } of imports) {
    const name = packageOf(to)
    if (name === undefined) continue
    used.set(name, (used.get(name) ?? new Set()).add(kind))
  }
  const builtOfDev = builtIn.filter((name) => name in manifest.devDependencies)
  const declared = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies), ...builtOfDev]
  expect([...used.keys()].filter((name) => !declared.includes(name))).toEqual([])
  expect(declared.filter((name) => !used.has(name))).toEqual([])
  const peers = Object.keys(manifest.peerDependencies)
  const eager = imports.filter(({ to, kind }) => kind === "static" && peers.includes(packageOf(to) ?? ""))
  expect(eager.map(told)).toEqual([])
})

test("optional peers are those of the dialects and of what is beside them, in the same ranges", () => {
  const drivers = dialects.flatMap(({ driver }) => driver ?? [])
  const peers = [...drivers, kyselyPackage, parquetPackage, redisPackage]
  const expected = Object.fromEntries(peers.map((peer: DriverPackage) => [peer.package, peer.npmRange ?? peer.range]))
  expect(manifest.peerDependencies).toEqual(expected)
  const optional = Object.entries(manifest.peerDependenciesMeta).filter(([, meta]) => meta.optional)
  expect(optional.map(([name]) => name).sort()).toEqual(Object.keys(expected).sort())
})

test("every code of an error is thrown somewhere", () => {
  const thrown = new Set<string>()
  for (const [file, text] of texts) {
    if (file === "errors.ts") continue
    for (const [, code] of text.matchAll(/"([A-Z][A-Z_]+)"/g)) thrown.add(code!)
  }
  // Classes of their own, which give it themselves.
  if (/super\("TIMEOUT"/.test(texts.get("errors.ts")!)) thrown.add("TIMEOUT")
  expect(Object.keys(errorCodes).filter((code) => !thrown.has(code))).toEqual([])
})

test("no file is longer than 300 lines", () => {
  const long = [...texts].map(([file, text]) => [file, text.split("\n").length - 1] as const)
  expect(long.filter(([, lines]) => lines > 300)).toEqual([])
})

test("every public name has a docstring", { timeout: 120_000 }, () => {
  const entries = ["index.ts", "sql/index.ts", "tables/index.ts", "testing/index.ts"].map((file) => join(source, file))
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, "tsconfig.json"),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined },
  )!
  const program = ts.createProgram(entries, { ...config.options, noEmit: true })
  const checker = program.getTypeChecker()
  const silent: string[] = []
  for (const entry of entries) {
    const file = program.getSourceFile(entry)!
    for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(file)!)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
      // A namespace is told of by its members, each of which is here itself.
      if (symbol.flags & ts.SymbolFlags.ValueModule) continue
      if (ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() === "") {
        silent.push(`${relative(source, entry)}: ${exported.name}`)
      }
    }
  }
  expect(silent).toEqual([])
})
