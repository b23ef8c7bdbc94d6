import { describe, expect, onTestFinished } from "vitest"
import type { SQLConnection } from "../../src/index.ts"
import { onEveryDatabase, selectOwners, slowQuery } from "../support/databases.ts"
import { failureOf, hearWarnings, pause, until } from "../support/waiting.ts"

const secret = "hunter2-canary"

const short = { leak_warning: 0.05 }

/** What was told of sessions from now on. */
function hear(): () => string[] {
  const heard = hearWarnings()
  return () => heard.filter((message) => message.includes("leak_warning"))
}

/** Holds a connection until the test ends. */
async function keepSession(pets: SQLConnection): Promise<void> {
  const { session } = pets
  onTestFinished(() => session[Symbol.asyncDispose]())
  await session.execute("update owners set pet = :pet where name = 'Ada'", { pet: secret })
}

async function keepRaw(pets: SQLConnection): Promise<void> {
  const raw = await pets.connect()
  onTestFinished(() => raw[Symbol.asyncDispose]())
}

async function keepTransaction(pets: SQLConnection): Promise<void> {
  await pets.transaction(async (tx) => {
    await tx.query(selectOwners)
    await pause(300)
  })
}

describe("a connection that is kept for longer than leak_warning (R16)", () => {
  const holders = { keepSession, keepRaw, keepTransaction }
  for (const [name, keep] of Object.entries(holders)) {
    onEveryDatabase(
      `is told of once, with the line of ${name} that took it, and without any statement or value`,
      async ({ pets }) => {
        const told = hear()
        await keep(pets)
        await until(() => told().length > 0)
        await pause(100)
        expect(told()).toHaveLength(1)
        expect(told()[0]).toMatch(/^A session of connection "pets" has kept a connection .* more than 0\.05 s\./)
        expect(told()[0]).toMatch(new RegExp(`opened at (async )?${name} \\(.*held-too-long\\.test\\.ts:\\d+:\\d+\\)`))
        expect(told()[0]).not.toMatch(new RegExp(`${secret}|update|select`))
      },
      { options: short },
    )
  }

  onEveryDatabase(
    "each session is told of by itself, also from the same line",
    async ({ pets }) => {
      const told = hear()
      await keepRaw(pets)
      await keepRaw(pets)
      await until(() => told().length > 1)
      expect(told()).toHaveLength(2)
    },
    { options: short },
  )

  onEveryDatabase(
    "a stream that nobody reads on is told of once, with the line that made it, and one that is read on is not",
    async ({ pets }) => {
      const told = hear()
      const read = async () => {
        for await (const _ of pets.stream(selectOwners, { batchRows: 1 })) await pause(1)
      }
      await read()
      await pause(1_200)
      expect(told()).toEqual([])
      const leaveStream = async () => {
        const stream = pets.stream(selectOwners, { batchRows: 1 })
        onTestFinished(() => stream[Symbol.asyncDispose]())
        await stream[Symbol.asyncIterator]().next()
      }
      await leaveStream()
      await until(() => told().length > 0)
      expect(told()).toHaveLength(1)
      expect(told()[0]).toMatch(/^A stream of connection "pets" has not been read for more than 1 s/)
      expect(told()[0]).toMatch(/opened at leaveStream \(.*held-too-long\.test\.ts:\d+:\d+\)/)
      expect(told()[0]).not.toMatch(new RegExp(`${secret}|select`))
    },
    { options: { leak_warning: 1 } },
  )

  onEveryDatabase(
    "what is given back in time is not, nor what holds none, nor a long query",
    async ({ pets, dialect }) => {
      const told = hear()
      for (let i = 0; i < 5; i++) await pets.transaction((tx) => tx.query(selectOwners))
      await using unused = pets.session
      await failureOf(pets.query(slowQuery[dialect], { timeout: 1.3 }))
      await unused.commit()
      expect(told()).toEqual([])
    },
    { options: { leak_warning: 1 } },
  )

  onEveryDatabase(
    "with 0 nobody is",
    async ({ pets }) => {
      const told = hear()
      await keepSession(pets)
      await pause(100)
      expect(told()).toEqual([])
    },
    { options: { leak_warning: 0 } },
  )
})
