import { inspect } from "node:util"
import { describe, expect, test } from "vitest"
import { connection, isMooringError } from "../../src/index.ts"
import { PetsConnection } from "../support/pets-connection.ts"
import { startPetsServer } from "../support/pets-server.ts"
import { setVariable, useProject } from "../support/project.ts"
import { inner, subjects } from "../support/subjects.ts"
import { failureOf, pause, until } from "../support/waiting.ts"

/** Longer than the watch takes to see and believe a change. */
const watched = 1500

describe.each(subjects)("%s", (_name, subject) => {
  const dogs = '\n[connections.dogs]\ntype = "sql"\ncolour = "red"\nborn = 2024-02-29\n'
  const dated = "[extras]\nat = 2024-02-29T12:30:00Z\n"

  async function begin() {
    const project = useProject()
    const scene = await subject.begin(project)
    project.secrets(`[connections.pets]\n${scene.section}${dogs}`)
    const pets = await scene.connect()
    return { project, scene, pets, raw: await inner(pets)._instance }
  }

  test("B07 a change in this section resets this connection", async () => {
    const { project, scene, pets, raw } = await begin()
    expect(await scene.owner(pets)).toBe("Ada")
    project.secrets(`[connections.pets]\n${scene.other}${dogs}`)
    await until(async () => (await inner(pets)._instance) !== raw)
    expect(await scene.owner(pets)).toBe("Bob")
  })

  test("B07 a change elsewhere does not reset it, with dates or without", async () => {
    const { project, scene, pets, raw } = await begin()
    const other = await scene.connect("elsewhere", {}).catch((error: unknown) => error)
    expect(other).toBeInstanceOf(Error)
    const changes: (readonly string[])[] = []
    const { secrets } = await import("../../src/index.ts")
    const stop = secrets.onChange(({ connections }) => changes.push(connections))
    project.secrets(`${dated}[connections.pets]\n${scene.section}${dogs.replace("02-29", "03-01")}`)
    await until(() => changes.length > 0, watched * 4)
    stop()
    expect(changes).toEqual([["dogs"]])
    expect(await inner(pets)._instance).toBe(raw)
  })

  test("B08 what was cached from the old source is not served after the section has changed, nor when it is as it was", async () => {
    const { project, scene, pets } = await begin()
    expect(await scene.owner(pets, "inf")).toBe("Ada")
    project.secrets(`[connections.pets]\n${scene.other}${dogs}`)
    await pause(watched)
    expect(await scene.owner(pets, "inf")).toBe("Bob")
    await scene.rename("Eve")
    project.secrets(`[connections.pets]\n${scene.section}${dogs}`)
    await pause(watched)
    expect(await scene.owner(pets, "inf")).toBe("Eve")
  })

  test("B10 its displays name connection, class and section, and no secret", async () => {
    const { pets } = await begin()
    const displays = [
      inspect(pets),
      JSON.stringify(pets),
      (pets as unknown as Record<symbol, () => string>)[Symbol.for("Deno.customInspect")]!(),
      (pets as unknown as Record<symbol, () => Record<string, string>>)[Symbol.for("Jupyter.display")]!()[
        "text/plain"
      ]!,
    ]
    for (const display of displays) {
      expect(display).toContain("pets")
      expect(display).toContain(pets.constructor.name)
      expect(display).toContain(".mooring/secrets.toml [connections.pets]")
      expect(display).not.toContain("canary-token")
    }
    expect(inspect(pets, { depth: 20, showHidden: true, customInspect: false })).not.toContain("canary-token")
  })
})

test("B07 a section with a date is the same section until the date is another", async () => {
  const project = useProject()
  const server = await startPetsServer()
  const section = (day: string, extra = "") =>
    `${extra}[connections.pets]\nport = ${server.port}\ntoken = "canary-token"\nsince = 2024-02-${day}\nat = 10:30:00\n`
  project.secrets(section("28"))
  const pets = await connection("pets", { type: PetsConnection })
  const raw = await pets.client
  project.secrets(section("28", 'colour = "red"\n'))
  await pause(watched)
  expect(await pets.client).toBe(raw)
  project.secrets(section("29"))
  await pause(watched * 2)
  expect(await pets.client).not.toBe(raw)
})

test("B07 a variable of the environment is part of the section", async () => {
  const project = useProject()
  const [ada, bob] = [await startPetsServer(), await startPetsServer()]
  bob.owners.set("cat", "Bob")
  project.secrets(`[connections.pets]\nport = ${ada.port}\ntoken = "canary-token"\n`)
  const pets = await connection("pets", { type: PetsConnection })
  expect(await pets.owner("cat", "inf")).toBe("Ada")
  setVariable("MOORING_CONNECTIONS__PETS__PORT", String(bob.port))
  await pause(watched)
  expect(await pets.owner("cat", "inf")).toBe("Bob")
})

test("B06 _secrets is the section, and empty without a file or without a section", async () => {
  const project = useProject()
  const server = await startPetsServer()
  const options = { type: PetsConnection, port: server.port, token: "canary-token" }
  const withoutFile = await connection("pets", { ...options, lazy: true })
  expect(withoutFile.section).toEqual({})
  project.secrets('[connections.dogs]\ncolour = "red"\nlist = [1, 2]\n[connections.dogs.pool]\nsize = 3\n')
  const withoutSection = await connection("cats", options)
  expect(withoutSection.section).toEqual({})
  const dogs = await connection("dogs", options)
  expect(dogs.section).toEqual({ colour: "red", list: [1, 2], pool: { size: 3 } })
  expect(() => Object.assign(dogs.section, { colour: "blue" })).toThrow(TypeError)
  expect(() => Object.assign(dogs.section.pool as object, { size: 9 })).toThrow(TypeError)
})

test("B06 _secrets is filled before _connect", async () => {
  const project = useProject()
  project.secrets('[connections.dogs]\ncolour = "red"\n')
  let seen: unknown
  class SeeingConnection extends PetsConnection {
    protected override async _connect(): Promise<never> {
      seen = this._secrets
      throw new Error("that is all")
    }
  }
  await failureOf(connection("dogs", { type: SeeingConnection }))
  expect(seen).toEqual({ colour: "red" })
})

test("B10 without a section no source is named", async () => {
  useProject()
  const server = await startPetsServer()
  const pets = await connection("pets", { type: PetsConnection, port: server.port, token: "canary-token" })
  expect(inspect(pets)).toBe('PetsConnection "pets"')
  expect(JSON.stringify(pets)).toBe('{"name":"pets","class":"PetsConnection"}')
})

test("B10 showing runs no command and throws for no configuration", async () => {
  const project = useProject()
  project.secrets(
    `[connections.pets]\nurl = { command = ["touch", "${project.dir}/ran"] }\n[connections.odd]\nurl = "no url at all"\n`,
  )
  const pets = await connection("pets", { type: "sql", lazy: true })
  const odd = await connection("odd", { type: "sql", lazy: true })
  expect(inspect(pets)).toContain('SQLConnection "pets"')
  expect(inspect(odd)).toContain('SQLConnection "odd"')
  expect(JSON.parse(JSON.stringify([pets, odd]))).toHaveLength(2)
  const { existsSync } = await import("node:fs")
  expect(existsSync(`${project.dir}/ran`)).toBe(false)
})

test("B09 what a connection does not have is undefined, and no raw attribute shines through", async () => {
  useProject()
  const server = await startPetsServer()
  const pets = await connection("pets", { type: PetsConnection, port: server.port, token: "canary-token" })
  expect((pets as unknown as Record<string, unknown>).disconnects).toBeUndefined()
  expect((await pets.client).disconnects).toBe(0)
})

test("B11 env:NAME reads the name from a variable; an unset one is a clear error", async () => {
  const project = useProject()
  const server = await startPetsServer()
  project.secrets(`[connections.pets]\nport = ${server.port}\ntoken = "canary-token"\n`)
  setVariable("PETS_DATABASE", "pets")
  const named = await connection("env:PETS_DATABASE", { type: PetsConnection })
  expect(named.connectionName).toBe("pets")
  expect(named).toBe(await connection("pets", { type: PetsConnection }))
  setVariable("PETS_DATABASE", undefined)
  const failure = await failureOf(connection("env:PETS_DATABASE", { type: PetsConnection }))
  expect(isMooringError(failure, "BAD_CONFIG")).toBe(true)
  expect(failure).toMatchObject({
    message: expect.stringContaining("PETS_DATABASE, which is not set"),
    hint: expect.stringContaining("[connections.<name>]"),
  })
})
