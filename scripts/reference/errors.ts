import { type ErrorCode, errorCodes, type Outcome, type QueryErrorKind } from "../../src/errors.ts"

/** When each code is met, and what to do. Total: a code that is added does not compile until it is here. */
const explanations: Record<ErrorCode, string> = {
  ABORTED: `\`reset()\`, \`close()\` or a change of the section waited for this work, for 30 seconds or the \`timeout\` it was
given, and then cut it off. Whether a statement took effect is not known. Run long work with a signal of its own, or give
\`reset()\` more time. A caller's own abort is not this error: it rejects with the reason of the signal.`,
  BAD_CONFIG: `A key of a section, an option or \`configure()\` has a value of the wrong type, is unknown, or contradicts another.
The message names the key and where it was given, never the value. Unknown keys come with the nearest spelling, or with what to
write instead of another program's key. Of a URL, the message shows nothing but keys that are known.`,
  BAD_DURATION: `Durations are seconds (\`90\`) or text (\`"1m30s"\`, with ms, s, m, h, d and w); \`Infinity\` and \`"inf"\` where
that makes sense.`,
  BAD_PARAMS: `A placeholder has no value, a value has no placeholder, a value is \`undefined\` or of no SQL type, or named and
positional placeholders are mixed. See [parameters](queries-and-caching.md#parameters).`,
  BAD_VALUE: `Most often a 64-bit integer beyond 2^53: read it with \`values: { bigint: "bigint" }\` or \`"string"\`. Also a column that
does not exist, two columns of one name where rows are made into objects, and rows that fit no Arrow type.`,
  CACHE: `A result holds what cannot be copied (a function, an instance of a class): share it with \`cacheResource\`. Arguments
cannot be told apart, or a cached function waits for itself. A cache folder that others could have written to is refused. A store
that fails is not this error: queries go on without it.`,
  CLOSED: `Somebody called \`close()\` or \`closeAll()\` and kept the object. Call \`connection()\` again.`,
  CONNECT: `The server or file could not be reached, or refused the login. \`mooring test <name>\` says at which step. For SQLite and
DuckDB: \`query()\` never creates a file; \`execute()\` and sessions do.`,
  DATA_LOST: `The engine failed as a whole. Every later call on the connection is
this error: an empty database would answer as if nothing had happened. Call \`close()\` and open the connection again for an
empty one; keep in a file what must last.`,
  DRIVER_MISSING: `The message names the package and its versions, and the hint is the command for your package manager.`,
  IN_TRANSACTION: `Use the callback's argument (\`tx.query\`, \`tx.execute\`), or \`{ outside: true }\` for another connection. See
[transactions](sessions.md#several-statements).`,
  LOCKED: `Another process has the file. DuckDB: one process may write, or several may read with \`access_mode = "READ_ONLY"\`. SQLite:
end the other transaction, or raise \`busy_timeout\`.`,
  NOT_A_CONNECTION: `The class, or what a module exports, has to extend \`BaseConnection\`. See
[writing a connection](writing-a-connection.md).`,
  NO_CONFIG: `The message lists the files that were looked at and the folder they are in; the hint is the nearest name, the misspelt section, or
the lines to add. Is the working directory the project's folder? See [secrets](secrets.md#the-projects-folder).`,
  NO_SESSION: `Run the code inside \`withSession(id, work)\`, once per request, and do not keep a session-scoped connection from one
session for another.`,
  QUERY: `A \`QueryError\`, which says more: see [below](#queryerror).`,
  READ_ONLY: `Use \`execute()\` or a session for statements that change something; \`readOnly: false\` for a statement that must do both.`,
  SECRETS: `A file is malformed (the message has file, line and column, and never the line), a \`\${VARIABLE}\` is not set, a \`{ file }\`
or \`{ command }\` failed, or a file that others can write names something to execute. See [secrets](secrets.md#permissions).`,
  SESSION_STATE: `The session was disposed of, an earlier statement of its transaction failed (call \`rollback()\`), it is an
autocommit session, or a stream is read a second time.`,
  TIMEOUT: `A \`TimeoutError\`. The message says which deadline: the call's \`timeout\`, the connect's 10 s, or the pool's 30 s. When all
connections of the pool are busy, look for sessions that are never disposed of.`,
  TOO_LARGE: `Raise the limit, ask for less, or read with \`stream()\`.

A text in JavaScript has at most 2^29 characters (512 MB), and binary values may be larger: cast the column in the query, or select a
part of it. A row of CSV or JSON has the same limit, and so has the text of \`JSON.stringify(table)\`, whose error is the runtime's own
(\`Invalid string length\`): write large tables with \`write()\`.`,
  UNAVAILABLE: `An \`UnavailableError\`. Every attempt to connect has failed for 10 seconds or more, so calls fail at once instead of
waiting for one more. \`since\` says when it began, \`retryAt\` when the next call tries again, \`cause\` what the last attempt said.
Nothing was run. See [when the server is away](outages.md).`,
  UNKNOWN_TYPE: `\`type\` is neither a built-in name, nor one of \`configure({ types })\`, nor a module that can be imported. A dotted
Python path has to be ported. See [by name](writing-a-connection.md#by-name).`,
  UNSUPPORTED: `Savepoints and most isolation levels on DuckDB, for instance. The message says what; the hint, what to do instead.`,
}

const kinds: Record<QueryErrorKind, string> = {
  check: "a CHECK constraint",
  connection: "the connection broke, or the file cannot be read",
  deadlock: "two transactions waited for each other; `transaction()` runs again",
  diskFull: "the database's disk, or a limit that it set itself, has no room",
  foreignKey: "a foreign key",
  interrupted: "the statement was cancelled",
  locked: "somebody else holds a lock",
  missing: "a table, column or function does not exist",
  notNull: "a NOT NULL constraint",
  other: "anything else",
  permission: "the user may not do this",
  readOnly: "a read-only transaction was asked to write",
  serialization: "the transaction met another one; `transaction()` runs again",
  syntax: "the SQL is wrong",
  unique: "a UNIQUE constraint or primary key",
  value: "a value does not fit its type: overflow, a bad date, a failed cast",
}

const outcomes: Record<Outcome, string> = {
  notRun: "it never reached the database; it is safe to run it again",
  failed: "the database answered that it did nothing",
  unknown: "the link broke before an answer came; look before you run it again",
}

/** docs/errors.md */
export function errorsPage(): string {
  const sections = Object.entries(explanations).map(([code, text]) => {
    return `## ${code}\n\n*${errorCodes[code as ErrorCode]}*\n\n${text}\n`
  })
  return `<!-- Written by scripts/reference-pages.ts: change the texts in scripts/reference/errors.ts. -->

# Errors

Every error that Mooring throws on purpose is a \`MooringError\` with

- \`code\`, one of those below (\`errorCodes\` is the whole list);
- \`message\`, what happened and with which connection;
- \`hint\`, what to do, where there is something to do;
- \`connection\`, its name, and \`cause\`, what was caught.

None of them holds a secret. \`isMooringError(error, code)\` recognises them, also those of another copy of the package.
Callers that share a failure each get an error of their own, with their own \`sql\` and stack.

\`\`\`ts
import { connection, isMooringError } from "mooring"

try {
  await connection("pets")
} catch (error) {
  if (!isMooringError(error, "NO_CONFIG")) throw error
  console.log(error.message)
  console.log(error.hint)
}
\`\`\`

\`\`\`text output
Nothing is configured under the name "pets". Looked at …
Add to .mooring/secrets.toml:
[connections.pets]
url = "duckdb:///pets.duckdb"
\`\`\`

${sections.join("\n")}
## QueryError

An error of the database about a statement. Besides \`code\`, it has

- \`kind\`, the same words on every database:

${table(["`kind`", ""], kinds)}

- \`outcome\`, whether the statement took effect:

${table(["`outcome`", ""], outcomes)}

- \`attempts\`, how often it was run; \`sqlState\` and \`driverCode\`, where the database has them.
- \`constraint\`, \`schema\`, \`table\` and \`column\`, where the database reports them.
- \`detail\`, what PostgreSQL says beyond its message, as \`Key (email)=(ada@example.com) already exists.\` It quotes values, so it is
  not printed with the error: \`console.log\`, \`JSON.stringify\` and copies leave it out, and so do the tracing channels.

\`error.sql\` is the statement's text, on every error about a statement; values of parameters are never in it.

Other errors have no outcome. After \`CONNECT\` and \`UNAVAILABLE\` the statement was not run. After a deadline (\`TIMEOUT\`) or an abort it
may have taken effect.

\`\`\`ts
import { QueryError } from "mooring"

const pets = await connection("memory", { type: "sql", url: "sqlite://" })
await pets.execute("create table owners (name text unique)")
await pets.execute("insert into owners values ('Ada')")
try {
  await pets.execute("insert into owners values ('Ada')")
} catch (error) {
  if (!(error instanceof QueryError)) throw error
  console.log(error.code, error.kind, error.outcome, error.attempts)
}
\`\`\`

\`\`\`text output
QUERY unique failed 1
\`\`\`
`
}

function table(head: readonly string[], rows: Readonly<Record<string, string>>): string {
  const lines = Object.entries(rows).map(([name, text]) => `| \`${name}\` | ${text} |`)
  return [`| ${head.join(" | ")} |`, "|---|---|", ...lines].join("\n")
}
