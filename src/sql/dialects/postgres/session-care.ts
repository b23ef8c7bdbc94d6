import { never } from "../../../util/abort.ts"
import { watchAnswer } from "../../patience.ts"
import { ControlExchange, freshSession } from "./control.ts"
import { type Client, takeBack } from "./driver.ts"
import type { StatementExchange } from "./exchange.ts"
import type { Guard } from "./guard.ts"
import { asksWhetherReadOnly, OnlyReads } from "./only-reads.ts"
import type { Statements } from "./statements.ts"
import type { ColumnarWire } from "./wire/wire.ts"

/** What a {@link SessionCare} cares for. */
export interface CaredSession {
  readonly client: Client
  readonly wire: ColumnarWire
  readonly guard: Guard
  readonly statements: Statements
}

/** Keeps one borrower's session from the next: what is undone after a statement that reads, and between borrowers. */
export class SessionCare {
  /** Something could not be undone: nobody may get the connection again. */
  spoilt = false
  /** The server refused a change, and not because of us. */
  refusedChange = false
  /** A caller has the driver's client. */
  private lent = false
  private readonly session: CaredSession

  constructor(session: CaredSession) {
    this.session = session
  }

  lend(): void {
    this.lent = true
    this.session.client.ref()
  }

  /** What nobody uses keeps no process alive. */
  unref(): void {
    if (!this.lent) this.session.client.unref()
  }

  /** Sees to it that a statement that read leaves nothing, however it ended. */
  async leave(exchange: StatementExchange, signal: AbortSignal): Promise<void> {
    try {
      if (exchange.failed && exchange.ran) await this.clear([], signal)
      else await this.control(this.undone, signal)
      if (exchange.leftStatements) await this.forgetStatements(signal)
    } catch {
      this.spoilt = true
    }
  }

  /** @throws OnlyReads where the session was refused a change that the next one would be refused, too. */
  async renew(): Promise<void> {
    if (this.lent) await this.takeBack()
    await this.clear(freshSession, never)
    if (this.refusedChange && (await this.control([asksWhetherReadOnly], never))) throw new OnlyReads()
    this.refusedChange = false
  }

  /**
   * Statements of our own; without an answer in time the link is destroyed. True where a row said so.
   *
   * @param signal of the caller, who may stop waiting: then there is little time left.
   */
  async control(texts: readonly string[], signal: AbortSignal): Promise<boolean> {
    if (texts.length === 0) return false
    const { client, wire } = this.session
    const exchange = new ControlExchange(texts)
    const unwatch = watchAnswer(signal, () => wire.stream.destroy(new Error(`No answer to ${texts[0]}.`)))
    client.ref()
    try {
      client.query(exchange)
      await exchange.done
      return exchange.found
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      unwatch()
      this.unref()
    }
  }

  /** What ends a transaction that is open. */
  get undone(): readonly string[] {
    return this.session.wire.status === "I" ? [] : ["ROLLBACK"]
  }

  /** Nobody knows what was done with it, and `pg` has state of its own. */
  private async takeBack(): Promise<void> {
    await this.control(this.undone, never)
    await this.control(["DISCARD ALL"], never)
    this.session.statements.clear()
    takeBack(this.session.client)
    this.lent = false
    this.unref()
  }

  /** Runs statements of our own, and clears what no ROLLBACK undoes. */
  private async clear(texts: readonly string[], signal: AbortSignal): Promise<void> {
    const { guard } = this.session
    for (;;) {
      const [clearing] = guard.clearing
      try {
        const left = await this.control([...this.undone, ...texts, ...guard.clearingTexts], signal)
        if (left) await this.forgetStatements(signal)
        return
      } catch (error) {
        if (!guard.lacks(clearing, error)) throw error
      }
    }
  }

  /** Ours go with those that others prepared in SQL: the server forgets all, or one by its name. */
  private async forgetStatements(signal: AbortSignal): Promise<void> {
    await this.control(["DEALLOCATE ALL"], signal)
    this.session.statements.clear()
  }
}
