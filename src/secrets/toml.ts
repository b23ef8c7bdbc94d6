import { parse, TomlError } from "smol-toml"
import { MooringError } from "../errors.ts"
import { type Data, harden, maxDepth, tooDeep } from "./guard.ts"

/**
 * Our words for what the parser says. Its own error holds the line that failed, and that line may hold a password:
 * nothing of it goes further than this file but a line and a column.
 */
const reasons: Readonly<Record<string, string>> = {
  "control characters are not allowed in comments": "a comment has a control character",
  "control characters are not allowed in strings": "a string is not closed on its line, or has a control character",
  "document contains an unsafe property": "keys called __proto__, constructor and prototype are refused",
  "each key-value declaration must be followed by an end-of-line": "something stands after the end of the value",
  "expected comma or end of structure": "a comma or a closing bracket is missing",
  "expected end of table array declaration": "a table's name must end with ]]",
  "illegal character in key": "a key has a character that must be quoted, or there is no = after it",
  "illegal character in numeric literal": "a number has a character that does not belong there, or text is not quoted",
  "illegal empty bare key": "a key is empty between its dots",
  "illegal leading zero": "a number begins with a zero; if it is text, quote it",
  "illegal quoted key: multiline strings are not allowed": "a key cannot be a multi-line string",
  "illegal underscore": "an underscore in a number must stand between digits",
  "incomplete key-value: cannot find end of key": "a key is not followed by = and a value",
  "invalid date": "this is not a date or time",
  "invalid date-time: date part is malformed": "this is not a date",
  "invalid date-time: time part is malformed": "this is not a time",
  "invalid escape: only line-ending whitespace may be escaped": "a backslash stands before a space",
  "invalid non-hex character in unicode escape": "a \\u escape needs hexadecimal digits",
  "invalid unicode escape": "a \\u escape is not a character",
  "invalid value": "this is not a value; text must be quoted",
  "trying to redefine an already defined table or value": "this key or table is already defined above",
  "trying to redefine an already defined value": "this key is already defined in the table",
  "unexpected end of key": "a key is empty",
  "unfinished array": "an array is not closed",
  "unfinished numeric value": "a number is not finished",
  "unfinished string": "a string is not closed",
  "unfinished table": "an inline table is not closed",
  "unrecognised escape sequence": "a backslash stands before a character that it cannot escape; use '…' or \\\\",
}

/**
 * Reads TOML into frozen tables without prototypes. Integers beyond 2^53 are bigints; dates are smol-toml's `TomlDate`.
 *
 * @param where names the file in errors.
 * @throws MooringError `SECRETS`: file, line, column and reason, never a word of the file.
 */
export function parseToml(text: string, where: string): Data {
  let parsed: Data
  try {
    parsed = parse(text, { maxDepth, integersAsBigInt: "asNeeded", unsafeKeyBehaviour: "throw" }) as Data
  } catch (error) {
    throw explain(error, where)
  }
  return harden(parsed, where)
}

function explain(error: unknown, where: string): MooringError {
  const hint = "Correct the file; it is read again when it changes."
  if (!(error instanceof TomlError)) return new MooringError("SECRETS", `${where} cannot be parsed as TOML.`, { hint })
  const said = error.message.slice("Invalid TOML document: ".length).split("\n", 1)[0]!
  if (said.startsWith("document contains excessively nested")) return tooDeep(where)
  const reason = Object.hasOwn(reasons, said) ? reasons[said] : "this cannot be parsed"
  return new MooringError(
    "SECRETS",
    `${where} is not valid TOML at line ${error.line}, column ${error.column}: ${reason}.`,
    { hint: isEscape(said) ? `${backslash} ${hint}` : hint },
  )
}

const backslash = "A path of Windows, or any text with backslashes, stands in single quotes: 'C:\\Users\\ada'."

function isEscape(said: string): boolean {
  return /escape/.test(said)
}
