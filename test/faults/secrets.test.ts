import { existsSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { connection, type SQLConnection } from "../../src/index.ts"
import { type TestProject, useConfiguration, useProject } from "../support/project.ts"
import { pause } from "../support/waiting.ts"
import { load } from "./load.ts"
import { record } from "./report.ts"
import { onEachServer } from "./stage.ts"

/** Where the password is to be had, and how it gets there. */
interface Place {
  /** The line of the section; the rest of it is the same for all. */
  section?(project: TestProject): string
  options?(current: () => string): Record<string, unknown>
  publish?(project: TestProject, password: string, rest: string): void
  /** The section itself changes, so that connections are made anew without any trouble. */
  readonly seen?: true
}

/** As careful programs write a file: whole, beside it, and then in its place. */
function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.part`, text, { mode: 0o600 })
  renameSync(`${path}.part`, path)
}

const places: Record<string, Place> = {
  "{ file }": {
    section: ({ dir }) => `password = { file = ${JSON.stringify(join(dir, "password"))} }`,
    publish: ({ dir }, password) => replaceFile(join(dir, "password"), `${password}\n`),
  },
  "{ command }": {
    section: ({ dir }) => `password = { command = ["cat", ${JSON.stringify(join(dir, "password"))}] }`,
    publish: ({ dir }, password) => replaceFile(join(dir, "password"), password),
  },
  "a function": {
    options: (current) => ({ password: async () => current() }),
  },
  "the secrets file": {
    publish: ({ dir }, password, rest) =>
      replaceFile(join(dir, ".mooring/secrets.toml"), `${rest}\npassword = ${JSON.stringify(password)}\n`),
    seen: true,
  },
  "a folder as Kubernetes mounts it": {
    publish: ({ dir }, password) => swapFolder(join(dir, "mounted"), { ...folderRest, password }),
    seen: true,
  },
}
let folderRest: Record<string, string> = {}
let versions = 0

/** As Kubernetes publishes a new version of a secret: a new folder, one link renamed over the old one. */
function swapFolder(mounted: string, section: Record<string, string>): void {
  const [version, data] = [`..version_${++versions}`, join(mounted, "..data")]
  mkdirSync(join(mounted, version, "connections.pets"), { recursive: true, mode: 0o700 })
  for (const [key, value] of Object.entries(section)) {
    writeFileSync(join(mounted, version, "connections.pets", key), value, { mode: 0o600 })
  }
  const before = existsSync(data) ? readlinkSync(data) : undefined
  symlinkSync(version, `${data}_next`)
  renameSync(`${data}_next`, data)
  if (before !== undefined) rmSync(join(mounted, before), { recursive: true })
}

onEachServer((stage) => {
  const section = (place: { host: string; port: number }) =>
    [
      "[connections.pets]",
      `dialect = "${stage.dialect}"`,
      `host = "${place.host}"`,
      `port = ${place.port}`,
      `database = "${stage.server.login.database}"`,
      `username = "${stage.server.guarded}"`,
    ].join("\n")

  test.each(Object.keys(places))("R17 a password is rotated under load: %s", async (where) => {
    const way = places[where]!
    const proxy = await stage.proxy()
    const project = useProject()
    const { host, port } = proxy
    folderRest = {
      dialect: stage.dialect,
      host,
      port: String(port),
      database: stage.server.login.database,
      username: stage.server.guarded,
    }
    mkdirSync(join(project.dir, "mounted"))
    if (where.startsWith("a folder")) useConfiguration({ secretsFiles: [join(project.dir, "mounted")] })
    const rest = section(proxy)
    let password = "password-0"
    const publish = () => way.publish?.(project, password, rest)
    await stage.server.setPassword(password)
    project.secrets(`${rest}\n${way.section?.(project) ?? ""}\n`)
    publish()
    const options = way.options?.(() => password) ?? {}
    const pets = await connection<SQLConnection>("pets", { type: "sql", pool_size: 5, max_overflow: 0, ...options })
    // Somebody always waits for a connection: one that breaks is replaced at once.
    const reading = load(pets, 20, (n) => `${stage.kind.sleep(0.01)} /* ${n} */`)
    await reading.more(100)
    for (let rotation = 1; rotation <= 4; rotation++) {
      const rotatedAt = performance.now()
      password = `password-${rotation}`
      await stage.server.setPassword(password)
      publish()
      // Otherwise nothing would be asked for a password: the next connect learns that it has changed.
      const [one] = [...proxy.links]
      if (!way.seen) one!.close("reset")
      await reading.more(100)
      await expect.poll(() => [...proxy.links].every(({ at }) => at > rotatedAt), { timeout: 8_000 }).toBe(true)
      await reading.more(100)
    }
    const toll = await reading.stop()
    const note = `${toll.provoked} reads`
    record({
      promise: "R17",
      dialect: stage.dialect,
      what: `rotations by ${where}`,
      provoked: 4,
      lost: toll.lost,
      note,
    })
    expect(toll).toMatchObject({ lost: 0, error: undefined })
    expect(toll.provoked).toBeGreaterThan(800)
  })

  test("R28 1,000 times the secrets file is half-written under load", async () => {
    const project = useProject()
    await stage.server.setPassword("half-written")
    // The port last: of a number, nothing says that it is not whole.
    const text = (round: number) => {
      const [start, end] = section(stage.server.place).split(/^port = .*\n/m)
      const name = `# ${round} ${"x".repeat(round % 7)}`
      return `${name}\n${start}${end}\npassword = "half-written"\nport = ${stage.server.place.port}\n`
    }
    const path = project.write(".mooring/secrets.toml", text(0))
    const pets = await connection<SQLConnection>("pets", { type: "sql" })
    const reading = load(pets, 10)
    let connects = 0
    for (let round = 1; round <= 1_000; round++) {
      const whole = text(round)
      const half = () => writeFileSync(path, whole.slice(0, Math.floor(Math.random() * whole.length)))
      half()
      if (round % 10 === 0) {
        // It is looked at now: the next read connects anew.
        void pets.reset()
        connects++
        // What nobody has written to for a second counts as whole: as long as the reads take, the writer goes on.
        let served = false
        const reads = reading.more(2).finally(() => (served = true))
        for (; !served; await pause(20)) half()
        await reads
      } else await pause(2)
      writeFileSync(path, whole)
      if (round % 10 === 0) await reading.more(2)
    }
    await reading.more(100)
    const toll = await reading.stop()
    const note = `${toll.provoked} reads, ${connects} connects amid a rewrite`
    record({
      promise: "R28",
      dialect: stage.dialect,
      what: "half-written files",
      provoked: 1_000,
      lost: toll.lost,
      note,
    })
    expect(toll).toMatchObject({ lost: 0, error: undefined })
    expect(toll.provoked).toBeGreaterThan(1_000)
  }, 120_000)

  test("R28 a folder of secrets is swapped under load, as Kubernetes does", async () => {
    const project = useProject()
    const mounted = join(project.dir, "mounted")
    await stage.server.setPassword("swapped")
    const { host, port } = stage.server.place
    const { guarded: username, login } = stage.server
    const rest = { dialect: stage.dialect, host, port: String(port), username, database: login.database }
    const swap = (round: number) => swapFolder(mounted, { ...rest, password: "swapped", query_ttl: String(round % 2) })
    swap(0)
    useConfiguration({ secretsFiles: [mounted] })
    const pets = await connection<SQLConnection>("pets", { type: "sql" })
    const reading = load(pets, 10)
    for (let round = 1; round <= 100; round++) {
      swap(round)
      if (round % 10 === 0) void pets.reset()
      await reading.more(2)
    }
    const toll = await reading.stop()
    const note = `${toll.provoked} reads`
    record({ promise: "R28", dialect: stage.dialect, what: "swaps of a folder", provoked: 100, lost: toll.lost, note })
    expect(toll).toMatchObject({ lost: 0, error: undefined })
  })
})
