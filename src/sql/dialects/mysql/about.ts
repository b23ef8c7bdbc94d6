import type { Failure } from "../../dialect.ts"

/**
 * What a violated constraint is about: names stand in quotes in the message, in whatever language it is. Of an entry that
 * is there already, the last quotes hold the key: `'PRIMARY'`, since MySQL 8 `'pets.PRIMARY'`.
 */
export function aboutOf(errno: number, message: string): Pick<Failure, "about"> {
  const last = message.match(/'([^']*)'[^']*$/)?.[1]
  const names = [...message.matchAll(/`((?:[^`]|``)*)`/g)].map(([, name]) => name!.replaceAll("``", "`"))
  switch (errno) {
    case 1062:
    case 1586: {
      const [, table, constraint] = /^(?:(.*)\.)?([^.]*)$/.exec(last ?? "") ?? []
      return constraint ? { about: { constraint, ...(table && { table }) } } : {}
    }
    case 1048:
    case 1364: {
      const column = message.match(/'([^']*)'/)?.[1]
      return column ? { about: { column } } : {}
    }
    case 3819:
      return last ? { about: { constraint: last } } : {}
    case 4025: {
      const [constraint, schema, table] = names
      if (!constraint) return {}
      // MariaDB writes the check of a column as `table.column`; its name in the catalogue is the column's.
      const column = table && constraint.startsWith(`${table}.`) ? constraint.slice(table.length + 1) : undefined
      const found = { constraint: column ?? constraint, ...(column && { column }) }
      return { about: { ...found, ...(schema && { schema }), ...(table && { table }) } }
    }
    case 1451:
    case 1452: {
      const [schema, table, constraint, column] = names
      return constraint ? { about: { constraint, schema: schema!, table: table!, ...(column && { column }) } } : {}
    }
    default:
      return {}
  }
}
