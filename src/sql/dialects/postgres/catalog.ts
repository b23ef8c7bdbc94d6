import { isKnownType, type TypeEntry } from "./types.ts"
import type { FieldDescription } from "./wire/descriptions.ts"
import { headerBytes, type Source } from "./wire/framer.ts"
import type { MessageWriter } from "./wire/messages.ts"

/**
 * Arrays among types that the server does not have from the start: what their elements are, domains resolved to the type
 * beneath. Everything is named with its schema, because the search path is the user's.
 */
const lookup = `
  with recursive element as (
    select a.oid as id, e.oid as element, e.typbasetype as base, e.typtypmod as modifier, e.typdelim as delimiter
    from pg_catalog.pg_type a join pg_catalog.pg_type e on e.oid operator(pg_catalog.=) a.typelem
    where a.oid operator(pg_catalog.=) any ($1::pg_catalog.oid[])
      and a.typcategory operator(pg_catalog.=) 'A' and e.typarray operator(pg_catalog.=) a.oid
    union all
    select id, b.oid, b.typbasetype, case when modifier operator(pg_catalog.=) -1 then b.typtypmod else modifier end, delimiter
    from element join pg_catalog.pg_type b on b.oid operator(pg_catalog.=) base
  )
  select id, element, modifier, delimiter from element where base operator(pg_catalog.=) 0`

/** What the server told of types that Mooring does not know, once for all connections of a database. */
export class TypeCatalog {
  private readonly entries = new Map<number, TypeEntry>()

  find(typeId: number): TypeEntry | undefined {
    return this.entries.get(typeId)
  }

  /** The types among these that the server has to be asked for. */
  unknownOf(fields: readonly FieldDescription[]): number[] {
    const unknown = fields.map(({ typeId }) => typeId).filter((id) => !isKnownType(id) && !this.entries.has(id))
    return [...new Set(unknown)]
  }

  /** Writes the question. */
  ask(writer: MessageWriter, typeIds: readonly number[]): MessageWriter {
    return writer
      .parse("", lookup)
      .bind("", [`{${typeIds.join(",")}}`], [0])
      .execute()
  }

  /** One row of the answer, as text. */
  row({ bytes, view }: Source, start: number, end: number): void {
    const texts: string[] = []
    for (let place = start + headerBytes + 2; place < end; ) {
      const size = Math.max(0, view.getInt32(place))
      texts.push(bytes.toString("utf8", place + 4, place + 4 + size))
      place += 4 + size
    }
    const [id, element, modifier, delimiter] = texts
    this.entries.set(Number(id), { element: Number(element), modifier: Number(modifier), delimiter: delimiter ?? "," })
  }

  /** The answer is complete: what it did not tell of is no array. */
  answered(typeIds: readonly number[]): void {
    for (const id of typeIds) if (!this.entries.has(id)) this.entries.set(id, {})
  }
}
