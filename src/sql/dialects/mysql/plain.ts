/**
 * Which statements leave nothing in their session, as far as their words can prove it: no user variable, and no function
 * but those below. What a view, a trigger or a function behind them does is for the server to report.
 */

/** Statements that leave nothing by themselves. */
const verbs: ReadonlySet<string> = words(
  "( analyze check checksum delete desc describe explain help insert replace select table update values with",
)

/** Words before a parenthesis that is no function's. */
const grammar: ReadonlySet<string> = words(
  "all and any as between by case distinct div else except exists from having in index intersect is join key like limit",
  "mod not offset on or over partition primary regexp returning rlike row select set some straight_join then unique using",
  "value values when where xor",
)

/**
 * Functions that both servers have built in, in all versions, and whose answers depend on nothing that a borrower leaves.
 * A function of another name may be a stored one.
 */
const functions: ReadonlySet<string> = words(
  "abs acos adddate addtime aes_decrypt aes_encrypt ascii asin atan atan2 avg bin bit_and bit_count bit_length bit_or bit_xor",
  "cast ceil ceiling char char_length character_length charset coalesce coercibility collation concat concat_ws",
  "connection_id conv convert convert_tz cos cot count crc32 curdate current_date current_time current_timestamp",
  "current_user curtime database date date_add date_format date_sub datediff datetime day dayname dayofmonth dayofweek",
  "dayofyear decimal degrees elt exp export_set extract field find_in_set float floor format from_base64 from_days",
  "from_unixtime get_format greatest group_concat hex hour if ifnull inet_aton inet_ntoa inet6_aton inet6_ntoa insert",
  "instr interval isnull json_array json_array_append json_array_insert json_contains json_contains_path json_depth",
  "json_extract json_insert json_keys json_length json_object json_quote json_remove json_replace json_search json_set",
  "json_type json_unquote json_valid last_day lcase least left length ln localtime localtimestamp locate log log10 log2",
  "lower lpad ltrim make_set makedate maketime max md5 microsecond mid min minute mod month monthname now nullif oct",
  "octet_length ord period_add period_diff pi position pow power quarter quote radians rand repeat replace reverse right",
  "round rpad rtrim sec_to_time second schema session_user sha sha1 sha2 sign signed sin sleep soundex space sqrt",
  "st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_contains st_distance st_geomfromgeojson st_geomfromtext",
  "st_geomfromwkb st_intersects st_srid st_within st_x st_y std stddev stddev_pop stddev_samp str_to_date strcmp subdate",
  "substr substring substring_index subtime sum sysdate system_user tan time time_format time_to_sec timediff timestamp",
  "timestampadd timestampdiff to_base64 to_days to_seconds trim truncate ucase uncompress unhex unix_timestamp unsigned",
  "upper user utc_date utc_time utc_timestamp uuid uuid_short values var_pop var_samp varchar variance version week weekday",
  "weekofyear year yearweek",
)

/** They read or move a sequence, of which a session remembers the last number. */
const sequences: ReadonlySet<string> = words("currval lastval nextval setval")

/** Looks at a statement token by token. */
export class PlainCheck {
  #isPlain = true
  #last = ""
  #before = ""

  get isPlain(): boolean {
    return this.#isPlain
  }

  /** @param token as {@link tokens} gives it. */
  see(token: string): void {
    if (this.#last === "") this.#isPlain = verbs.has(token.trim())
    else if (token === "@" || sequences.has(token)) this.#isPlain = false
    // MariaDB: NEXT VALUE FOR a sequence, or its PREVIOUS one.
    else if (token === "value" && (this.#last === "next" || this.#last === "previous")) this.#isPlain = false
    else if (token === "(" || token === " (") this.#isPlain &&= this.#mayOpen(token === "(")
    this.#before = this.#last
    this.#last = token
  }

  /** Whether a parenthesis may follow here. Behind a space the name of a built-in function may be a stored one's. */
  #mayOpen(isClose: boolean): boolean {
    // A string may be a quoted name: ANSI_QUOTES.
    if (!/^[\w`'$\u0080-\uffff]/.test(this.#last)) return true
    if (this.#before === "into") return true
    if (this.#before === ".") return false
    return grammar.has(this.#last) || (isClose && functions.has(this.#last))
  }
}

function words(...lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.flatMap((line) => line.split(" ")))
}
