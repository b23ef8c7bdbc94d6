import type { SQLConnection } from "./sql/index.ts"

/** The classes behind the built-in type names. */
export interface BuiltinTypes {
  sql: SQLConnection
}

/** Type name → loader. Each loads its class, and that its driver, when it is first asked for. */
export const builtinTypes: { readonly [Name in keyof BuiltinTypes]: () => Promise<unknown> } = {
  sql: () => import("./sql/index.ts").then(({ SQLConnection }) => SQLConnection),
}

/** Streamlit's own class paths, which a team's secrets may name. */
export const streamlitPaths: Readonly<Record<string, keyof BuiltinTypes>> = {
  "streamlit.connections.SQLConnection": "sql",
  "streamlit.connections.sql_connection.SQLConnection": "sql",
}
