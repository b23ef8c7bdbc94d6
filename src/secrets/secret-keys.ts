const credential =
  /pass(word|wd|phrase)?$|^pwd$|secret|token|credential|api_?-?key|private_?-?key|access_?-?key|^key$|authorization|cookie/i

/** The last word of a key, as in `storage_key` and `dbPwd`, or the whole of it. */
const secretEndings =
  /^(auth|basic|bearer|conn(ection)?(str(ing)?|uri)|cred|creds|dsn|hmac|jwt|key|mnemonic|otp|pass|passcode|passwd|pat|pem|pin|psk|pw|pwd|salt|sas|session|sessionid|sig|signature|totp|uri|webhook)$/

/** What stands before `key` where it is no secret: a column, or the path of a file. */
const plainKeys = /^(cache|foreign|group|partition|primary|public|row|sort|ssl|tls)$/

/** Keys of what is either the secret itself or the path of its file. */
const secretOrFile =
  /^(?:.*_)?(?:keytab|licen[cs]e|seed|service_?account|service_?account_?(?:info|json)|(?:ssl|tls)_?key)$/i
const filePath = /^(?:[~.]{0,2}[/\\]|[a-z]:[/\\]|file:)|\.(?:cer|crt|der|jks|json|key|keytab|lic|p12|pem|pfx|txt)$/i

/** Keys of what is shown of a connection anyway. */
const shown =
  /^(account|catalog|client_?id|database|db|db_?name|dialect|driver|host|host_?addr|host_?name|login|port|region|role|schema|server|type|user|user_?name|warehouse)$/i

/** True for keys that hold a credential, such as `password`, `api_key`, `sslpassword`, `access_token`. */
export function isCredentialKey(key: string): boolean {
  return credential.test(key)
}

/**
 * True for keys whose value is never shown: those of credentials, and `dsn`, `jwt`, `webhook`, `storage_key` …
 *
 * @param value decides for keys such as `sslkey` and `service_account`, where the path of a file may be shown.
 */
export function isSecretKey(key: string, value?: unknown): boolean {
  if (credential.test(key) || isSecretContent(key, value)) return true
  const words = key
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "")
  const last = words.at(-1) ?? ""
  const before = words.at(-2) ?? ""
  if (last === "key") return !plainKeys.test(before)
  return [last, before + last].some((ending) => secretEndings.test(ending) || credential.test(ending))
}

/** The value of such a key that is the secret itself. A table has keys of its own. */
function isSecretContent(key: string, value: unknown): boolean {
  const name = key.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replaceAll("-", "_")
  if (!secretOrFile.test(name)) return false
  if (typeof value === "string") return !filePath.test(value.trim())
  return typeof value === "number" || typeof value === "bigint" || value instanceof Uint8Array
}

/** True for keys whose value errors and displays show: `host`, `username`, `database` … */
export function isShownKey(key: string): boolean {
  return shown.test(key)
}
