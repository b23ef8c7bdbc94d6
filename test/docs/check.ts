import { dirname, join } from "node:path"
import ts from "typescript"
import { root } from "./pages.ts"
import type { Project } from "./projects.ts"

/**
 * Type-checks all examples in one go, against the sources.
 *
 * @returns `docs/secrets.md:12: Property …`, one line each.
 */
export function typeErrors(projects: readonly Project[]): string[] {
  const files = new Map<string, { text: string; page: string }>()
  for (const { name, steps } of projects) {
    const page = name.replace(/#\d+$/, "")
    const folder = join(root, "docs/.examples", name.replaceAll(/\W/g, "-"))
    steps.forEach((step, i) => {
      if (step.kind === "program") files.set(join(folder, `program-${i}.ts`), { text: step.source, page })
      if (step.kind === "file" && step.checked !== undefined) {
        files.set(join(folder, step.path), { text: step.checked, page })
      }
    })
  }
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  Object.assign(options, { noUnusedLocals: false, noUnusedParameters: false, declaration: false })
  const program = ts.createProgram([...files.keys()], options, hostWith(options, files))
  return [...files].flatMap(([path, { page }]) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(path)).map(({ file, start, messageText }) => {
      const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 1
      return `${page}:${line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`
    }),
  )
}

/** The disk, and files that are not on it. */
function hostWith(options: ts.CompilerOptions, files: ReadonlyMap<string, { text: string }>): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const { readFile, fileExists, directoryExists } = host
  const folders = new Set([...files.keys()].map((path) => dirname(path)))
  return {
    ...host,
    readFile: (path) => files.get(path)?.text ?? readFile(path),
    fileExists: (path) => files.has(path) || fileExists(path),
    directoryExists: (path) => folders.has(path) || directoryExists?.(path) === true,
    getSourceFile: (path, language) => {
      const text = files.get(path)?.text ?? readFile(path)
      return text === undefined ? undefined : ts.createSourceFile(path, text, language, true)
    },
  }
}
