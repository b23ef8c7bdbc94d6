import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** The repository's folder. */
export const root: string = join(import.meta.dirname, "../..")

/** A fenced block of a page. */
export interface Block {
  /** The first word after the fence: `ts`, `toml`, `sh`, `text`; empty where there is none. */
  readonly language: string
  /** The other words: `new`, `output`. */
  readonly words: readonly string[]
  /** Why the block is not run: what stands after `no-run:`. */
  readonly noRun: string | undefined
  /** The file that its first line names in a comment: `.mooring/secrets.toml`. */
  readonly file: string | undefined
  readonly text: string
  /** The line of the opening fence in its page, counted from 0. */
  readonly line: number
}

/** One page of the documentation. */
export interface Page {
  /** From the repository's folder: `docs/secrets.md`. */
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
}

/** README, CONTRIBUTING and everything under docs. */
export const pages: readonly Page[] = globSync(["*.md", "docs/**/*.md"], { cwd: root })
  .map((path) => path.replaceAll("\\", "/"))
  .sort()
  .map((path) => {
    const text = readFileSync(join(root, path), "utf8")
    return { path, text, blocks: blocksOf(text, path) }
  })

/** The fenced blocks of a text in Markdown. */
export function blocksOf(text: string, path: string): Block[] {
  const blocks: Block[] = []
  const lines = text.split("\n")
  for (let at = 0; at < lines.length; at++) {
    const opening = /^```(.*)$/.exec(lines[at]!)
    if (!opening) continue
    const end = lines.indexOf("```", at + 1)
    if (end < 0) throw new Error(`${path}:${at + 1}: the block has no end`)
    blocks.push(toBlock(opening[1]!, lines.slice(at + 1, end), at))
    at = end
  }
  return blocks
}

function toBlock(info: string, lines: readonly string[], line: number): Block {
  const [before = "", noRun] = info.split(/\s*no-run:\s*/)
  const [language = "", ...words] = before.trim().split(/\s+/)
  const file = /^(?:#|\/\/|--) ([\w./-]+\.\w+)$/.exec(lines[0] ?? "")?.[1]
  return { language, words, noRun: noRun?.trim(), file, text: `${lines.join("\n")}\n`, line }
}
