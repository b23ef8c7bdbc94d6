/** A sentence for all dialects, or one for each. */
type Advice = string | Readonly<Record<string, string>>

const tls = "See sslmode (PostgreSQL) and ssl_mode (MySQL)."

/** Keys that Prisma, libpq, JDBC, other drivers and SQLAlchemy have in URLs, and what to write for each. */
const advice: Readonly<Record<string, Advice>> = {
  // Prisma's
  pgbouncer: 'Write prepared_statements = "unnamed" where pgbouncer shares connections by transaction.',
  schema: { postgresql: "Write search_path instead of schema.", mysql: "The database stands in the URL's path." },
  connection_limit: "Write pool_size, and max_overflow = 0, instead of connection_limit.",
  pool_timeout: "pool_timeout stands in the section beside url, not in it.",
  statement_cache_size: 'Write prepared_statements = "unnamed" to keep no prepared statements.',
  sslaccept: { postgresql: "Write sslmode instead of sslaccept.", mysql: "Write ssl_mode instead of sslaccept." },
  sslidentity: "Mooring reads certificates and keys as PEM files: sslcert and sslkey, or ssl_cert and ssl_key.",
  sslpassword: "A key with a passphrase is not supported yet: decrypt it with openssl pkey.",
  socket_timeout: "Give a timeout to the call: query(sql, { timeout }).",
  // libpq's
  sslnegotiation: "Leave sslnegotiation out: TLS is negotiated as servers before PostgreSQL 17 do it.",
  target_session_attrs: "One server is connected to, whatever it is: name the primary, or a proxy that finds it.",
  load_balance_hosts: "Name one host, or the address of a load balancer.",
  service: "Write out what the service has: service files are not supported yet.",
  passfile: "Set the variable PGPASSFILE.",
  hostaddr: "Write the address as the host.",
  require_auth: "Leave require_auth out: the server decides how to authenticate.",
  sslcrl: "Lists of revoked certificates are not supported yet.",
  requiressl: 'Write sslmode = "require".',
  // JDBC's
  user: "Write the user before the host: dialect://user:password@host.",
  currentSchema: "Write search_path instead of currentSchema.",
  ApplicationName: "Write application_name.",
  loginTimeout: "Write connect_timeout.",
  connectTimeout: "Write connect_timeout, in seconds or as a text such as 5s.",
  socketTimeout: "Give a timeout to the call: query(sql, { timeout }).",
  prepareThreshold: 'Write prepared_statements = "unnamed" to keep no prepared statements.',
  useSSL: "Write ssl_mode instead of useSSL.",
  sslMode: tls,
  requireSSL: 'Write ssl_mode = "REQUIRED".',
  verifyServerCertificate: 'Write ssl_mode = "VERIFY_CA".',
  serverTimezone: "Write time_zone instead of serverTimezone.",
  characterEncoding: "Leave characterEncoding out: text always travels as UTF-8.",
  useUnicode: "Leave useUnicode out: text always travels as UTF-8.",
  allowPublicKeyRetrieval: "Leave allowPublicKeyRetrieval out, or use TLS.",
  zeroDateTimeBehavior: "Write zero_dates instead of zeroDateTimeBehavior.",
  rewriteBatchedStatements: "Leave rewriteBatchedStatements out.",
  // mysql2's and the MySQL clients'
  "ssl-mode": "Write ssl_mode, with an underscore.",
  sslmode: { mysql: "Write ssl_mode instead of sslmode." },
  ssl_mode: { postgresql: "Write sslmode instead of ssl_mode." },
  timezone: { mysql: "Write time_zone instead of timezone.", postgresql: 'Write options = "-c timezone=…".' },
  dateStrings: "Say in values how dates appear.",
  multipleStatements: "Run one statement at a time.",
  connectionLimit: "Write pool_size, and max_overflow = 0, instead of connectionLimit.",
  supportBigNumbers: "Say in values how integers appear.",
  bigNumberStrings: "Say in values how integers appear.",
  waitForConnections: "Leave waitForConnections out: callers wait, for pool_timeout.",
  socketPath: "Write unix_socket instead of socketPath.",
  // SQLAlchemy's and node-postgres'
  application_name: { mysql: "MySQL has no application_name." },
  options: { mysql: "MySQL takes no options: set time_zone, sql_mode or collation." },
  plugin: "Leave plugin out.",
  prepared_statement_cache_size: 'Write prepared_statements = "unnamed" to keep no prepared statements.',
  server_settings: "Write search_path, application_name, or options.",
  uselibpqcompat: "Leave uselibpqcompat out: sslmode means what it means for libpq.",
  max: "Write pool_size instead of max.",
}

/** What to write instead of another program's key; undefined for keys that nobody is known to have. */
export function adviceFor(key: string, dialect: string): string | undefined {
  const known = Object.hasOwn(advice, key) ? advice[key]! : undefined
  return typeof known === "object" ? known[dialect] : known
}
