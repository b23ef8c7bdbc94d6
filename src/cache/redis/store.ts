import { sha256 } from "../../util/sha256.ts"
import type { CacheKey, CacheRange, CacheStore, Codec, Entry, Look, StoreStats, Turn } from "../contract.ts"
import { decodeFile, encodeFile } from "../disk-format.ts"
import { rangeKey } from "../key.ts"
import type { Reply } from "./client.ts"
import { RedisLink } from "./link.ts"
import type { RedisTarget } from "./options.ts"
import { pack, unpack } from "./packing.ts"
import * as scripts from "./scripts.ts"

/** Values up to this come with the look; larger ones are asked for, with the time that they take. */
const atOnce = 64 * 1024
/** More invalidated groups and entries of one scope than this begin a new epoch for all of it. */
const mostEpochs = 10_000
/** Entries that are too old for most are kept so long, in milliseconds, for those who wait for just this execution. */
const handover = 2_000
/** The longest that entries live, in milliseconds: 100 years. */
const forever = 100 * 365 * 86_400_000

/**
 * Entries in Redis or Valkey, shared by all processes that use one server and one prefix.
 *
 * Entries are bytes in the same format as on disk, with a checksum over everything; whatever is torn, tampered with or
 * written by another version is a miss. Epochs are random tokens: an entry counts only while those of its scope, group
 * and key are what they were when its execution began, and tokens that got lost are replaced by new ones.
 */
export class RedisStore implements CacheStore {
  readonly name = "redis"
  readonly inProcess = false
  /** Where it is, without user or password. */
  readonly location: string
  readonly #target: RedisTarget
  readonly #link: RedisLink

  constructor(target: RedisTarget, link: RedisLink = new RedisLink(target)) {
    this.location = target.shown
    this.#target = target
    this.#link = link
  }

  async look<V>(key: CacheKey, codec: Codec<V>, known: string | undefined): Promise<Look<V>> {
    const at = this.#placeOf(key)
    if (known !== undefined && known === (await this.#epochNow(at))) return { epoch: known, order: 0 }
    const args = [at.group, at.entry, newToken(), this.#epochsLive, String(atOnce)]
    const [epoch, order, size, inline] = (await this.#link.script(scripts.look, [at.epochs, at.value], args)) as Reply[]
    const found = { epoch: String(epoch), order: Number(order ?? 0) }
    if (order === undefined) return found
    const bytes = inline ?? (await this.#fetch(at.value, Number(size)))
    const entry = Buffer.isBuffer(bytes) ? await this.#open(at.digest, codec, bytes) : undefined
    return { ...found, entry: entry?.epoch === found.epoch ? { ...entry, order: found.order } : undefined }
  }

  async get<V>(key: CacheKey, codec: Codec<V>): Promise<Entry<V> | undefined> {
    return (await this.look(key, codec, undefined)).entry
  }

  async epoch(key: CacheKey): Promise<string> {
    const at = this.#placeOf(key)
    const args = [at.group, at.entry, newToken(), this.#epochsLive, "0"]
    const [epoch] = (await this.#link.script(scripts.look, [at.epochs, at.value], args)) as Reply[]
    return String(epoch)
  }

  async set<V>(key: CacheKey, entry: Entry<V>, codec: Codec<V>): Promise<"kept" | "newer" | "dropped"> {
    const at = this.#placeOf(key)
    const payload = codec.encode(entry.value)
    const packed = await pack(payload)
    const { storedAt, expiresAt, epoch, bytes, order = 0 } = entry
    const unpacked = packed && payload.length
    const header = { key: at.digest, codec: codec.id, storedAt, expiresAt, epoch, bytes, unpacked }
    const whole = Buffer.concat(encodeFile(header, packed ?? payload))
    if (whole.length > this.#target.maxEntryBytes) {
      await this.#leaseOf(at.lease, epoch, order).release()
      return "dropped"
    }
    const lives = Math.min(Math.max(expiresAt - Date.now(), handover), this.#target.maxAge, forever)
    const head = [at.group, at.entry, epoch, String(order), String(Math.ceil(lives)), String(whole.length)]
    const keys = [at.epochs, at.value, at.lease]
    const kept = await this.#link.script(scripts.store, keys, [...head, whole, this.#epochsLive], whole.length)
    return kept === 1 ? "kept" : kept === 2 ? "newer" : "dropped"
  }

  async turn(key: CacheKey, known: number, force: boolean): Promise<Turn> {
    const at = this.#placeOf(key)
    const lease = String(this.#target.lease)
    const args = [at.group, at.entry, newToken(), this.#epochsLive, String(known), lease, force ? "1" : "0"]
    const keys = [at.epochs, at.value, at.lease]
    const [epoch, state, detail] = ((await this.#link.script(scripts.turn, keys, args)) as Reply[]).map(String)
    if (state === "newer") return { state }
    if (state === "held") return { state, holder: detail! }
    const order = Number(detail)
    return { state: "yours", epoch: epoch!, order, lease: this.#leaseOf(at.lease, epoch!, order) }
  }

  async invalidate(range: CacheRange): Promise<void> {
    const { scope, group, id } = range
    const at = this.#placeOf({ scope, group: group ?? "", id: id ?? "" })
    if (group === undefined) return void (await this.#link.command(["DEL", at.epochs]))
    const field = id === undefined ? at.group : at.entry
    try {
      await this.#link.script(scripts.invalidate, [at.epochs], [field, newToken(), String(mostEpochs)])
    } catch (error) {
      if (!String(error).includes("OOM")) throw error
      // A server that is full takes no new token. Without any of them all of the scope is invalid, which is as true.
      await this.#link.command(["DEL", at.epochs])
    }
  }

  async stats(): Promise<StoreStats> {
    const total = { entries: 0, bytes: 0, evictions: 0 }
    for await (const keys of this.#scan("v")) {
      const sizes = await Promise.all(keys.map((key) => this.#link.command(["HGET", key, "b"])))
      for (const size of sizes) {
        if (size === null) continue
        total.entries++
        total.bytes += Number(size)
      }
    }
    return total
  }

  /** Forgets everything under this prefix. The epochs go first, with which every entry is invalid. */
  async clear(): Promise<void> {
    for (const kind of ["e", "v", "l"]) {
      for await (const keys of this.#scan(kind)) await this.#link.command(["UNLINK", ...keys])
    }
  }

  async close(): Promise<void> {
    await this.#link.close()
  }

  /** Tokens outlive the entries that depend on them; without them those would only be misses. */
  get #epochsLive(): string {
    return String(Math.min(this.#target.maxAge, forever) + 86_400_000)
  }

  /** Undefined where the scope has none. */
  async #epochNow(at: Place): Promise<string | undefined> {
    const [scope, group, entry] = (await this.#link.command(["HMGET", at.epochs, "s", at.group, at.entry])) as Reply[]
    return scope === null ? undefined : `${scope}.${group ?? ""}.${entry ?? ""}`
  }

  async #fetch(value: string, size: number): Promise<Reply> {
    // Anything else was written by somebody else.
    const isOurs = Number.isSafeInteger(size) && size > 0 && size <= this.#target.maxEntryBytes
    return isOurs ? this.#link.command(["HGET", value, "v"], size) : null
  }

  async #open<V>(digest: string, codec: Codec<V>, bytes: Uint8Array): Promise<Entry<V> | undefined> {
    // A copy: aligned as Arrow wants it, and of no more than this value of what the socket brought.
    const read = decodeFile(new Uint8Array(bytes))
    if (!read || read.header.key !== digest || read.header.codec !== codec.id) return undefined
    const { storedAt, expiresAt, epoch, bytes: size, unpacked } = read.header
    try {
      const payload = unpacked === undefined ? read.payload : await unpack(read.payload, unpacked)
      return { value: codec.decode(payload), storedAt, expiresAt, epoch, bytes: size }
    } catch {
      return undefined
    }
  }

  #leaseOf(lease: string, epoch: string, order: number) {
    const holder = `${epoch} ${order}`
    const ms = this.#target.lease
    return {
      renewEvery: ms / 3,
      renew: () => this.#link.script(scripts.renew, [lease], [holder, String(ms)]),
      release: () => this.#link.script(scripts.release, [lease], [holder]),
    }
  }

  async *#scan(kind: string): AsyncGenerator<string[]> {
    const pattern = `${this.#target.prefix.replace(/[\\*?[\]^-]/g, "\\$&")}${kind}:{*`
    let cursor = "0"
    do {
      const [next, found] = (await this.#link.command(["SCAN", cursor, "MATCH", pattern, "COUNT", "1000"])) as Reply[]
      const keys = (found as Reply[]).map(String)
      if (keys.length > 0) yield keys
      cursor = String(next)
    } while (cursor !== "0")
  }

  /** Digests: keys hold statements and parameters, and are nobody's to read who looks at the server. */
  #placeOf(key: CacheKey): Place {
    const { scope, group } = key
    const digest = sha256(rangeKey(key))
    const { prefix } = this.#target
    // What stands in braces decides the hash slot.
    const slot = `{${sha256(scope).slice(0, 22)}}`
    const name = `${slot}:${digest.slice(0, 22)}`
    return {
      digest,
      epochs: `${prefix}e:${slot}`,
      value: `${prefix}v:${name}`,
      lease: `${prefix}l:${name}`,
      group: `g${sha256(rangeKey({ scope, group })).slice(0, 22)}`,
      entry: `i${digest.slice(0, 22)}`,
    }
  }
}

/** Keys and fields of one entry. */
interface Place {
  readonly digest: string
  readonly epochs: string
  readonly value: string
  readonly lease: string
  readonly group: string
  readonly entry: string
}

function newToken(): string {
  return process.getBuiltinModule("node:crypto").randomBytes(12).toString("base64url")
}
