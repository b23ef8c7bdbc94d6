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
  escapesVary: true,
  typedByPlace: true,
}

/** DuckDB has PostgreSQL's lexer. */
export const duckdbSyntax: Syntax = {
  ...postgresSyntax,
  emptyList: ansiSyntax.emptyList,
  escapesVary: false,
  typedByPlace: false,
}

/** SQLite. Source: its tokenizer, which also takes MySQL's and SQL Server's quotes for names. */
export const sqliteSyntax: Syntax = {
  ...ansiSyntax,
  backticks: true,
  bracketNames: true,
}

/** MySQL and MariaDB with their default `sql_mode`; with NO_BACKSLASH_ESCAPES, backslashes are characters. */
export const mysqlSyntax: Syntax = {
  ...ansiSyntax,
  quoteIdentifier: (name) => `\`${name.replaceAll("`", "``")}\``,
  backslashEscapes: true,
  backticks: true,
  hashComments: true,
  spacedDashComments: true,
  doubleQuotedStrings: true,
  escapesVary: true,
}
