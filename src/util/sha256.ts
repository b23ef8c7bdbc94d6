/** The SHA-256 of bytes, or of a text's UTF-16 code units, in 43 characters that are safe in file names and URLs. */
export function sha256(data: string | Uint8Array): string {
  // Loaded here: node:crypto takes 4 ms, which a program that needs no digest should not spend at import.
  const { hash } = process.getBuiltinModule("node:crypto")
  // UTF-8 would give all unpaired surrogates one digest.
  return hash("sha256", typeof data === "string" ? Buffer.from(data, "utf16le") : data, "base64url")
}
