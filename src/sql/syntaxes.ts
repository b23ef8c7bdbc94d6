import { ansiSyntax, type Syntax } from "./syntax.ts"

/** PostgreSQL, and the databases that took its lexer. Source: its manual, "Lexical Structure". */
export const postgresSyntax: Syntax = {
  ...ansiSyntax,
  placeholder: (index) => `$${index}`,
  // PostgreSQL makes a subquery's NULL a text, which compares with no other type; a bare NULL fits every one.
  emptyList: (negated) => (negated ? "(null) is null" : "(null) is not null"),
  dollarQuotes: true,
  escapeStrings: true,
  nestedComments: true,
  returnEndsComment: true,
}

/** DuckDB has PostgreSQL's lexer. */
export const duckdbSyntax: Syntax = {
  ...postgresSyntax,
  emptyList: ansiSyntax.emptyList,
}

/** SQLite. Source: its tokenizer, which also takes MySQL's and SQL Server's quotes for names. */
export const sqliteSyntax: Syntax = {
  ...ansiSyntax,
  backticks: true,
  bracketNames: true,
}

/** MySQL and MariaDB with their default `sql_mode` (neither ANSI_QUOTES nor NO_BACKSLASH_ESCAPES). */
export const mysqlSyntax: Syntax = {
  ...ansiSyntax,
  quoteIdentifier: (name) => `\`${name.replaceAll("`", "``")}\``,
  backslashEscapes: true,
  backticks: true,
  hashComments: true,
  spacedDashComments: true,
  doubleQuotedStrings: true,
}
