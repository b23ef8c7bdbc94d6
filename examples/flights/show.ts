/** How the example looks in a terminal. Nothing here is about Mooring. */
import { styleText } from "node:util"
import type { MooringError, Table } from "mooring"
import { preview } from "mooring/tables"

interface Timed<T> {
  readonly value: T
  readonly milliseconds: number
}

export async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const start = performance.now()
  const value = await work()
  return { value, milliseconds: performance.now() - start }
}

export function shown(table: Table, maxRows = 10): string {
  // styleText knows of NO_COLOR and FORCE_COLOR.
  const color = styleText("dim", ".") !== "."
  return preview(table, { maxRows, width: process.stdout.columns ?? 100, color })
}

function time(milliseconds: number): string {
  return milliseconds < 1 ? `${Math.round(milliseconds * 1000)} µs` : `${Math.round(milliseconds)} ms`
}

const print = (text: string): void => console.log(text.replace(/^/gm, "  "))

export const say = {
  time,
  title: (text: string): void => console.log(`\n${styleText("bold", text)}`),
  note: (text: string): void => print(`\n${text}`),
  answer: (question: string, answer: string, { milliseconds }: { milliseconds: number }): void => {
    print(`\n${styleText("cyan", question)}  ${styleText("dim", time(milliseconds))}`)
    print(answer)
  },
  failure: (statement: string, error: MooringError): void => {
    print(`\n${styleText("dim", statement)}`)
    print(`${styleText("red", "✖")} ${error.message}`)
    if (error.hint) print(`${styleText("yellow", "→")} ${error.hint}`)
  },
}
