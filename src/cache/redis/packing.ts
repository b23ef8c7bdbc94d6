/** Whoever can write into the store could claim any size: nothing is unpacked to more than this. */
const mostUnpacked = 2 ** 30
/** Smaller payloads travel as fast as they are. */
const worthPacking = 16 * 1024

/**
 * Makes a large payload smaller by zstd's fastest level: tables shrink to about two fifths at 100 MB/s and more, beside
 * the main thread, which a network of 1 Gbit/s repays and the server's memory twice.
 *
 * @returns undefined where it does not pay.
 */
export async function pack(payload: Uint8Array): Promise<Uint8Array | undefined> {
  if (payload.length < worthPacking) return undefined
  const { constants, zstdCompress } = await import("node:zlib")
  // Runtimes other than Node may lack it.
  if (typeof zstdCompress !== "function") return undefined
  const params = { [constants.ZSTD_c_compressionLevel]: 1 }
  const packed = await new Promise<Uint8Array>((resolve, reject) =>
    zstdCompress(payload, { params }, (error, bytes) => (error ? reject(error) : resolve(bytes))),
  )
  return packed.length < payload.length * 0.9 ? packed : undefined
}

/** @throws where the bytes are not what `pack` made of so many. */
export async function unpack(packed: Uint8Array, unpacked: number): Promise<Uint8Array> {
  if (unpacked > mostUnpacked) throw new RangeError("A packed entry is too large.")
  const { zstdDecompress } = await import("node:zlib")
  const bytes = await new Promise<Uint8Array>((resolve, reject) =>
    zstdDecompress(packed, { maxOutputLength: Math.max(1, unpacked) }, (error, whole) =>
      error ? reject(error) : resolve(whole),
    ),
  )
  if (bytes.length !== unpacked) throw new RangeError("A packed entry has another size than it says.")
  // Arrow reads 64-bit values in place where they are aligned.
  return bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes)
}
