/** Numbers that are the same for the same seed. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % limit
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!
  }

  bytes(size: number): Buffer {
    return Buffer.from(Array.from({ length: size }, () => this.below(256)))
  }
}

/** What is done to a message's body, without its header. */
export type Damage = "truncate" | "extend" | "terminator" | "number" | "random" | "length" | "replace" | "insert"

const damages: readonly Damage[] = [
  "truncate",
  "extend",
  "terminator",
  "number",
  "random",
  "length",
  "replace",
  "insert",
]

/** Damage that can turn one value into another that is as right: what is read is not compared. */
const silent: readonly Damage[] = ["random", "number", "replace", "insert"]

/** How a protocol puts a header before a body. */
export type Framing<M> = (message: M, body: Buffer, lengthError: number) => Buffer

/** A message whose body is known. */
export interface Framed {
  readonly body: Buffer
}

/** The bytes of some messages, one of them damaged. */
export interface Broken {
  readonly bytes: Buffer
  readonly damage: Damage
  /** What is read must be right, or an error. */
  readonly mustBeRight: boolean
}

/** Damages one of the messages. @param others what may stand where something else is expected. */
export function damaged<M extends Framed>(
  random: Random,
  messages: readonly M[],
  others: readonly M[],
  frame: Framing<M>,
): Broken {
  const damage = random.one(damages)
  const target = random.below(messages.length)
  const parts = messages.map((message, i) => {
    if (i !== target) return frame(message, message.body, 0)
    if (damage === "replace")
      return broken(random, random.one(others), random.one(["keep", "random", "truncate"]), frame)
    if (damage === "insert") {
      const other = random.one(others)
      return Buffer.concat([frame(other, other.body, 0), frame(message, message.body, 0)])
    }
    return broken(random, message, damage, frame)
  })
  return { bytes: Buffer.concat(parts), damage, mustBeRight: !silent.includes(damage) }
}

function broken<M extends Framed>(random: Random, message: M, damage: Damage | "keep", frame: Framing<M>): Buffer {
  const { body } = message
  switch (damage) {
    case "truncate":
      return frame(message, body.subarray(0, random.below(body.length + 1) - 1), 0)
    case "extend":
      return frame(message, Buffer.concat([body, random.bytes(1 + random.below(40))]), 0)
    case "terminator": {
      const zeros = [...body.keys()].filter((i) => body[i] === 0)
      const without = zeros.length === 0 ? -1 : random.one(zeros)
      return frame(message, Buffer.concat([body.subarray(0, Math.max(0, without)), body.subarray(without + 1)]), 0)
    }
    case "number": {
      const copy = Buffer.from(body)
      const size = random.one([1, 2, 4])
      if (copy.length >= size)
        copy
          .fill(random.one([0, 1, 0x7f, 0x80, 0xfb, 0xfc, 0xfe, 0xff]), random.below(copy.length - size + 1))
          .subarray(0, size)
      return frame(message, copy, 0)
    }
    case "random": {
      const copy = Buffer.from(body)
      for (let i = 1 + random.below(4); i > 0 && copy.length > 0; i--)
        copy[random.below(copy.length)] = random.below(256)
      return frame(message, copy, 0)
    }
    case "length":
      return frame(
        message,
        body,
        random.one([-5, -4, -3, -1, 1, 2, 4, 9, 300, 70_000, 0xff_fff0, 0x3fff_fff0, -0x7fff_0000]),
      )
    default:
      return frame(message, body, 0)
  }
}
