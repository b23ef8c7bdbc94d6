import { type Field, Type, tableFromIPC } from "@uwdata/flechette"
import { FlatTable, sizeAt } from "./flatbuffer.ts"
import { footerOf, type IPCPart, readStructure } from "./ipc-structure.ts"
import { childFields } from "./types.ts"

/** Whether a type has dictionaries whose values have dictionaries in turn. */
export function hasNestedDictionaries(fields: readonly Field[], inside = false): boolean {
  return fields.some(({ type }) => {
    if (type.typeId !== Type.Dictionary) return hasNestedDictionaries(childFields(type), inside)
    return inside || hasNestedDictionaries(childFields(type.dictionary), true)
  })
}

/**
 * The same IPC bytes with each dictionary behind those that its values need: most readers resolve them as they come.
 * flechette writes them the other way round.
 */
export function innerDictionariesFirst(bytes: Uint8Array, format: "stream" | "file"): Uint8Array {
  const { schema, parts } = readStructure(bytes)
  const order = innerFirst(tableFromIPC(schema).schema.fields)
  const rank = ({ dictionary }: IPCPart) => (dictionary === undefined ? order.length : order.indexOf(dictionary.id))
  const sorted = [...parts].sort((a, b) => rank(a) - rank(b))
  const out = bytes.slice()
  if (format === "file") {
    listInOrder(out, sorted)
    return out
  }
  let at = schema.length
  for (const { start, end } of sorted) {
    out.set(bytes.subarray(start, end), at)
    at += end - start
  }
  return out
}

/** In a file it is the footer that says in which order dictionaries come. */
function listInOrder(file: Uint8Array, sorted: readonly IPCPart[]): void {
  const footer = footerOf(file)
  const places = FlatTable.root(footer).items(8, blockBytes, (_, place) => place)
  const view = new DataView(footer.buffer, footer.byteOffset, footer.byteLength)
  const blocks = new Map(places.map((at) => [sizeAt(view, at), footer.slice(at, at + blockBytes)]))
  places.forEach((at, i) => {
    footer.set(blocks.get(sorted[i]!.start)!, at)
  })
}

const blockBytes = 24

/** The ids of all dictionaries, those inside of others before them. */
function innerFirst(fields: readonly Field[], order: number[] = []): number[] {
  for (const { type } of fields) {
    if (type.typeId !== Type.Dictionary) innerFirst(childFields(type), order)
    else {
      innerFirst(childFields(type.dictionary), order)
      if (!order.includes(type.id)) order.push(type.id)
    }
  }
  return order
}
