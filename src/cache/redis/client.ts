import type { OptionalPackage } from "../../util/import-package.ts"
import type { Fetched, RedisTarget } from "./options.ts"
import { within } from "./within.ts"

/** The client that talks to Redis and Valkey: node-redis. */
export const redisPackage: OptionalPackage = {
  package: "redis",
  range: ">=5",
  purpose: "talks to the cache in Redis or Valkey",
}

/** What a server answers: texts and bytes as buffers. */
export type Reply = Buffer | string | number | null | Reply[]

/** What is used of a client of node-redis. */
export interface Client {
  connect(): Promise<unknown>
  sendCommand(args: readonly (string | Buffer)[], options: object): Promise<Reply>
  on(event: "error" | "end", listener: (error?: unknown) => void): unknown
  unref(): void
  close(): Promise<void>
  destroy(): void
}

/** Makes a client that is not connected yet. */
export type MakeClient = (options: object) => Client

/** Answers of RESP's bulk strings as bytes; by default they would be decoded as UTF-8. */
export const asBytes = { typeMapping: { 36: Buffer } }

/** @throws MooringError `DRIVER_MISSING` where the package is not there. */
export async function loadClient(): Promise<MakeClient> {
  const { importPackage } = await import("../../util/import-package.ts")
  const { createClient } = await importPackage(redisPackage, () => import("redis"))
  return createClient as unknown as MakeClient
}

/**
 * A connected client whose server has answered. It does not keep the process alive, does not connect again and keeps
 * nothing for later.
 *
 * @param lost is called when its connection breaks.
 */
export async function dial(make: MakeClient, target: RedisTarget, lost: () => void): Promise<Client> {
  const client = make(await clientOptions(target))
  client.on("error", lost)
  client.on("end", lost)
  client.unref()
  try {
    // The connections of a process that is stopped are still accepted: only an answer tells that it lives.
    const answering = client.connect().then(() => client.sendCommand(["PING"], asBytes))
    await within(target.connectTimeout, answering)
    return client
  } catch (error) {
    hangUp(client)
    throw error
  }
}

/** Ends a client at once. Those of node-redis 5 complain when they have ended already. */
export function hangUp(client: Client): void {
  try {
    client.destroy()
  } catch {
    // It has ended, which is what was asked for.
  }
}

async function clientOptions(target: RedisTarget): Promise<object> {
  const { place, tls, username, password, database, connectTimeout } = target
  const secret = await fetched(password)
  const { ca, cert, key, servername } = tls ?? {}
  const pem = { ca: await fetched(ca), cert: await fetched(cert), key: await fetched(key), servername }
  return {
    // The older protocol has all that is needed, and servers behind proxies may know no other.
    RESP: 2,
    name: "mooring",
    disableOfflineQueue: true,
    maintNotifications: "disabled",
    ...defined({ username, password: secret, database: database || undefined }),
    socket: { ...place, ...(tls && { ...defined(pem), tls: true }), connectTimeout, reconnectStrategy: false },
  }
}

function fetched(value: Fetched | undefined): string | undefined | PromiseLike<string> {
  return typeof value === "function" ? value() : value
}

function defined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
