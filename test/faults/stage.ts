import { join } from "node:path"
import { afterAll, beforeAll, describe, inject, onTestFinished } from "vitest"
import { connection, type SQLConnection } from "../../src/index.ts"
import type { MoreOptions } from "../support/databases.ts"
import { FaultProxy } from "../support/fault-proxy.ts"
import { useProject } from "../support/project.ts"
import { recordVersion } from "./report.ts"
import { type FaultDialect, type FaultServer, type FaultServerKind, faultServers, type Place } from "./servers.ts"

/** A server for the tests of one file, and what they do with it. */
export interface Stage {
  readonly dialect: FaultDialect
  readonly kind: FaultServerKind
  readonly server: FaultServer
  /** A proxy before the server, until the test ends. */
  proxy(): Promise<FaultProxy>
  /** A connection "pets" to the server, or to a proxy, until the test ends. */
  connect(options?: MoreOptions, place?: Place): Promise<SQLConnection>
}

const required = (process.env.MOORING_TEST_REQUIRE ?? "").split(/[\s,]+/)

/** The same tests for each kind of server; each time one of this file's own is started. */
export function onEachServer(tests: (stage: Stage) => void): void {
  for (const [dialect, kind] of Object.entries(faultServers) as [FaultDialect, FaultServerKind][]) {
    const missing = required.includes(dialect) ? undefined : kind.missing()
    if (missing !== undefined) describe.skip(`${dialect}: ${missing}`, () => undefined)
    else describe(dialect, () => tests(stageOf(dialect, kind)))
  }
}

function stageOf(dialect: FaultDialect, kind: FaultServerKind): Stage {
  let server: FaultServer | undefined
  beforeAll(async () => {
    server = await kind.start(join(inject("servers"), kind.folder))
    recordVersion(server.version)
  }, 60_000)
  afterAll(() => server?.dispose())
  return {
    dialect,
    kind,
    get server() {
      return server!
    },
    async proxy() {
      const proxy = await FaultProxy.start(server!.place)
      onTestFinished(() => proxy.stop())
      return proxy
    },
    connect(options = {}, place = server!.place) {
      useProject()
      return connection<SQLConnection>("pets", { type: "sql", dialect, ...place, ...server!.login, ...options })
    },
  }
}
