import { delimiter, join } from "node:path"
import { inspect } from "node:util"
import { expect, test } from "vitest"
import { resolveReferences } from "../../src/secrets/index.ts"
import { everythingOf, project, storeOf } from "./support.ts"

const canary = "canary-hunter2"

/** One password in every kind of source, beside one thing wrong in each. */
function leakyProject(): string {
  return project({
    "home/.streamlit/secrets.toml": `[connections.a]\npassword = "${canary}`,
    "home/.mooring/secrets.toml": `[connections.a]\npassword = "${canary}"\n[connections.a]\n`,
    ".streamlit/secrets.toml": `[connections]\nb = "${canary}"\n`,
    ".mooring/secrets.toml":
      `[connections.c]\npassword = "${canary}\${UNSET}"\n[connections.d]\npassword = "${canary}\${"\n` +
      `[connections.e]\npassword = { command = "${canary}" }\n[connections.f]\npassword = { file = ["${canary}"] }\n` +
      `[connections.g]\npassword = "${canary}"\ntoken = { command = ["false", "${canary}"] }\n` +
      `[connection.h]\npassword = "${canary}"\n`,
    "folder/connections/i/constructor": canary,
    "folder2/connections/i/password": canary,
    "folder2/connections.i/password": canary,
    "named.toml": `[connections."x-y"]\npassword = "${canary}"\n[connections.x_y]\npassword = "${canary}"\n`,
  })
}

test("no failure, list, listing of problems or view of the store tells a secret", async () => {
  const folder = leakyProject()
  const named = ["named.toml", "folder", "folder2"]
  const seen: string[] = []
  // With and without the folders that cannot be read at all: they stand before everything else.
  for (const files of [named, ["named.toml"], []]) {
    const store = storeOf(folder, {
      files,
      env: {
        MOORING_SECRETS: ["", "nowhere.toml"].join(delimiter),
        MOORING_CONNECTIONS__X_Y__PASSWORD: canary,
        MOORING_CONNECTIONS__J__QUERY: canary,
        MOORING_CONNECTIONS__J__QUERY__A: canary,
      },
      inline: { connections: { k: { password: canary, token: { file: join(folder, "missing") } } } },
    })
    for (const name of ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "x-y", "x_y", "unknown"]) {
      try {
        const section = store.section(name)
        seen.push(inspect(section, { depth: 20 }), JSON.stringify(section) ?? "")
        if (section) await resolveReferences(section.values)
      } catch (error) {
        expect(error).toMatchObject({ name: "MooringError" })
        seen.push(everythingOf(error))
      }
      seen.push(store.misspelling(name) ?? "")
    }
    seen.push(inspect(store.list(), { depth: 20 }), JSON.stringify(store.list()), store.places.join())
    seen.push(inspect(store, { depth: 20 }), JSON.stringify(store))
    for (const problem of [...store.problems, ...store.reported]) seen.push(everythingOf(problem))
  }
  expect(seen.join("\n").length).toBeGreaterThan(10_000)
  expect(seen.join("\n")).not.toContain(canary)
})
