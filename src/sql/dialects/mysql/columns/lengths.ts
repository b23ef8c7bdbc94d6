/** Lengths of 251 bytes and more: a first byte of 252, 253 or 254, and two, three or eight bytes of length. */

/** How many bytes of length there are behind this first byte. */
export function lengthSize(first: number): number {
  if (first === 252) return 2
  return first === 253 ? 3 : 8
}

/** The length that ends at `place`; Infinity if it lies beyond `end`, or the first byte begins none. */
export function longLength(buffer: Buffer, place: number, end: number, first: number): number {
  if (place > end) return Number.POSITIVE_INFINITY
  switch (first) {
    case 252:
      return buffer[place - 2]! | (buffer[place - 1]! << 8)
    case 253:
      return buffer[place - 3]! | (buffer[place - 2]! << 8) | (buffer[place - 1]! << 16)
    case 254:
      return buffer.readUInt32LE(place - 8) + buffer.readUInt32LE(place - 4) * 4_294_967_296
    default:
      return Number.POSITIVE_INFINITY
  }
}
