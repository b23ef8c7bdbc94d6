import { mysqlSyntax } from "../../syntaxes.ts"
import { RefusedStatement } from "./read-only.ts"

/** The server's number for what a read-only session may not do. */
const refusedInReadOnly = 1792

/** Statements that read, whatever else they say. */
const reading = /^(select|show|table|values)\b/i

/** Statements that read unless they are about one that writes. */
const mayWrite = /^(\(|with|explain|desc|describe)/i
const writing = /\b(insert|update|delete|replace|merge|call|load|create|drop|alter|truncate|execute|do)\b/i

/**
 * Whether the server does what a read-only session is for. Engines that only speak MySQL's protocol may take the setting and
 * write all the same: there only texts of a short list pass.
 */
export class Enforcement {
  private readonly probe: string
  private isEnforced: boolean | undefined

  /** @param database where the statement of the probe would write. */
  constructor(database: string | undefined) {
    // With the database's name there is an answer where none is chosen.
    this.probe = `${mysqlSyntax.quoteIdentifier(database ?? "mysql")}.mooring_probe`
  }

  get isKnown(): boolean {
    return this.isEnforced !== undefined
  }

  /**
   * Finds it out, once a server: by a temporary table, which a server that enforces refuses before it looks at anything else.
   *
   * @param run runs a statement in a read-only session.
   */
  async find(run: (text: string) => Promise<unknown>): Promise<void> {
    try {
      await run(`CREATE TEMPORARY TABLE ${this.probe} (a INT)`)
    } catch (error) {
      const { errno, sqlState } = error as { errno?: number; sqlState?: string }
      // What breaks the link tells nothing.
      if (sqlState === undefined) throw error
      this.isEnforced = errno === refusedInReadOnly
      return
    }
    this.isEnforced = false
    await run(`DROP TEMPORARY TABLE ${this.probe}`)
  }

  /** Why a statement is refused that this server would not refuse. */
  refusalOf(text: string): RefusedStatement | undefined {
    return this.isEnforced !== false || onlyReads(text) ? undefined : new RefusedStatement(sentence)
  }
}

const sentence =
  "This server takes read-only sessions and writes in them all the same, so query() runs only SELECT, SHOW, TABLE, VALUES, " +
  "and WITH and EXPLAIN without a word that writes."

/** Whether a text surely reads: rather a statement too few than one that writes. */
function onlyReads(text: string): boolean {
  // What MySQL runs of a comment is not looked at.
  if (/\/\*M?!/.test(text) || /\binto\b/i.test(text)) return false
  const bare = text.replace(/^(\s+|--[^\n]*(\n|$)|#[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)+/, "")
  return reading.test(bare) || (mayWrite.test(bare) && !writing.test(bare))
}
