/**
 * Why a server's certificate was refused, by Node's code for it. `mysql2` replaces that code by its own, which leaves OpenSSL's
 * words; they are never translated.
 */
const reasons: readonly (readonly [RegExp, (setting: string) => string])[] = [
  [/CERT_HAS_EXPIRED|certificate has expired/, () => "The server's certificate has expired: renew it there."],
  [
    /CERT_NOT_YET_VALID|certificate is not yet valid/,
    () => "The server's certificate is not valid yet: check the clocks of both machines.",
  ],
  [
    /DEPTH_ZERO_SELF_SIGNED_CERT|self[- ]signed certificate(?! in)/,
    (setting) => `The server's certificate is self-signed: give that certificate as ${setting}.`,
  ],
  [
    /SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(?:GET|VERIFY)|self[- ]signed certificate in|unable to (?:get|verify)/,
    (setting) => `No known authority signed the server's certificate: give the authority's certificate as ${setting}.`,
  ],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate/,
    () => "The server's certificate is for another host name: connect by a name that it has.",
  ],
]

/**
 * What to do about an error of TLS.
 *
 * @param setting the setting that names the file with the authority's certificate.
 */
export function certificateHint({ code, message }: { code?: string; message?: string }, setting: string): string {
  for (const [reason, hint] of reasons) if (reason.test(code ?? "") || reason.test(message ?? "")) return hint(setting)
  return `Give the certificate of the server's authority as ${setting}, and check the host's name.`
}
