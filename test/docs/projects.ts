import ts from "typescript"
import type { Block, Page } from "./pages.ts"

/** A file that a page shows, as it is shown. */
export interface ProjectFile {
  readonly kind: "file"
  readonly path: string
  readonly text: string
  /** TypeScript is checked, at the lines that it has in the page. */
  readonly checked: string | undefined
}

/** TypeScript blocks that follow one another: one program, whose lines are where they are in the page. */
export interface Program {
  readonly kind: "program"
  readonly source: string
  readonly outputs: ReadonlyMap<number, string>
  /** False for a block that is checked only. */
  readonly runs: boolean
}

/** Lines for a shell. */
export interface Commands {
  readonly kind: "commands"
  readonly text: string
  readonly line: number
  readonly output: string | undefined
}

/** What a reader who follows a page does in one folder, in order. */
export interface Project {
  readonly name: string
  readonly steps: readonly (ProjectFile | Program | Commands)[]
}

/** Written before the output of a block, so that each is known by its line. */
export const outputMark = "\u0001block "

/**
 * The projects of a page. It is one project with one program, to which every block adds, except that
 *
 * - a block whose first line names a file in a comment is that file; shown again, it is added to;
 * - the word `new` after the fence begins another project, in an empty folder;
 * - commands (`sh`) end a program: TypeScript after them is the next one;
 * - `text output` is what the block before it prints; `…` stands for anything;
 * - `no-run: reason` is checked by itself, and not run.
 */
export function projectsOf(page: Page): Project[] {
  const projects: { name: string; steps: (ProjectFile | Program | Commands)[] }[] = []
  let blocks: Block[] = []
  const begin = () => projects.push({ name: `${page.path}#${projects.length + 1}`, steps: [] })
  const steps = () => projects.at(-1)!.steps
  const outputAfter = (block: Block) => {
    const next = page.blocks[page.blocks.indexOf(block) + 1]
    return next?.language === "text" && next.words.includes("output") ? next.text : undefined
  }
  const endProgram = () => {
    if (blocks.length === 0) return
    const outputs = blocks.map((block) => [block.line, outputAfter(block)] as const)
    const expected = new Map(outputs.filter((entry): entry is [number, string] => entry[1] !== undefined))
    steps().push({ kind: "program", source: programOf(page, blocks), outputs: expected, runs: true })
    blocks = []
  }
  begin()
  for (const block of page.blocks) {
    if (block.words.includes("new")) {
      endProgram()
      begin()
    }
    if (block.file !== undefined && block.noRun === undefined) {
      const checked = block.language === "ts" ? programOf(page, [block]) : undefined
      steps().push({ kind: "file", path: block.file, text: block.text, checked })
    } else if (block.language === "ts" && block.noRun !== undefined) {
      steps().push({ kind: "program", source: programOf(page, [block]), outputs: new Map(), runs: false })
    } else if (block.language === "ts") blocks.push(block)
    else if (block.language === "sh" && block.noRun === undefined) {
      endProgram()
      steps().push({ kind: "commands", text: block.text, line: block.line, output: outputAfter(block) })
    }
  }
  endProgram()
  return projects
}

/** The page with everything blank but these blocks, the marks of their outputs on the lines of their fences. */
function programOf(page: Page, blocks: readonly Block[]): string {
  const lines = page.text.split("\n").map(() => "")
  const imported = new Set<string>()
  for (const block of blocks) {
    if (block.file === undefined) lines[block.line] = `console.log(${JSON.stringify(`${outputMark}${block.line}`)});`
    const texts = withoutRepeatedImports(block.text, imported).split("\n")
    texts.forEach((text, i) => {
      lines[block.line + 1 + i] ||= text
    })
  }
  // Also a block without an import is a module, so that it may await.
  return `${lines.join("\n")}\nexport {}\n`
}

/** Takes names out of one-line imports that an earlier block has imported. A program may import a name once. */
function withoutRepeatedImports(text: string, imported: Set<string>): string {
  const source = ts.createSourceFile("block.ts", text, ts.ScriptTarget.Latest, true)
  let result = text
  for (const statement of source.statements.filter(ts.isImportDeclaration).reverse()) {
    const bindings = statement.importClause?.namedBindings
    if (!bindings || !ts.isNamedImports(bindings)) continue
    const fresh = bindings.elements.filter(({ name }) => !imported.has(name.text))
    for (const { name } of fresh) imported.add(name.text)
    if (fresh.length === bindings.elements.length) continue
    const names = fresh.map((element) => element.getText()).join(", ")
    const rest = fresh.length > 0 ? `import { ${names} } from ${statement.moduleSpecifier.getText()}` : ""
    result = result.slice(0, statement.getStart()) + rest + result.slice(statement.getEnd())
  }
  return result
}
