/** Checked by `tsc -p .`, never run. */
import {
  BaseConnection,
  type ConnectionOptions,
  type ConnectionShape,
  connection,
  connections,
  type Duration,
  SQLConnection,
  type Table,
} from "mooring"
import { same } from "./expect.ts"

class Client {
  owners(): string[] {
    return []
  }
}

class PetsConnection extends BaseConnection<Client, { token: string; retries?: number }> {
  protected _connect(options: { token: string }): Client {
    options satisfies { token: string }
    return new Client()
  }

  owners(): Promise<string[]> {
    return this._use((client) => client.owners())
  }
}

interface PetsDB {
  owners: { name: string; pet: string }
}

export async function builtinNames() {
  const pets = await connection("pets", { type: "sql" })
  same<typeof pets, SQLConnection>()

  const other = await connection("pets", { type: "sql", url: "duckdb://", ttl: "1h", lazy: true })
  same<typeof other, SQLConnection>()

  await connection("pets", {
    type: "sql",
    // @ts-expect-error a duration is a number or a text
    ttl: true,
  })
  await connection("pets", {
    type: "sql",
    // @ts-expect-error of a setting, too, the mistake stands where it was made
    pool_size: "many",
  })
  // @ts-expect-error the name decides what is made, not what is wanted of it
  const wrong: PetsConnection = await connection("pets", { type: "sql" })
  return wrong
}

export async function classes() {
  const pets = await connection("pets", { type: PetsConnection })
  same<typeof pets, PetsConnection>()
  same<Awaited<ReturnType<typeof pets.owners>>, string[]>()

  const withOptions = await connection("pets", { type: PetsConnection, token: "t", maxEntries: 3, timeout: "1s" })
  same<typeof withOptions, PetsConnection>()

  await connection("pets", {
    type: PetsConnection,
    // @ts-expect-error the class's token is a text
    token: 5,
  })
  await connection("pets", {
    type: PetsConnection,
    // @ts-expect-error the class has no such option
    tokne: "t",
  })
  await connection("pets", {
    type: PetsConnection,
    // @ts-expect-error reserved options have types too
    maxEntries: "3",
  })
  // @ts-expect-error a class that makes something else is no connection
  await connection("pets", { type: Client })

  const sql = await connection("pets", { type: SQLConnection })
  same<typeof sql, SQLConnection>()
}

export async function assertedAndUnknown() {
  const asserted = await connection<SQLConnection<PetsDB>>("pets")
  same<typeof asserted, SQLConnection<PetsDB>>()

  const assertedWithType = await connection<SQLConnection<PetsDB>>("pets", { type: "sql" })
  same<typeof assertedWithType, SQLConnection<PetsDB>>()

  const unknown = await connection("dogs")
  same<typeof unknown, BaseConnection>()

  const configured = await connection("dogs", { type: "github" })
  same<typeof configured, BaseConnection>()

  const asPets = await connection<PetsConnection>("pets", { type: "./connections/pets.ts#PetsConnection" })
  same<typeof asPets, PetsConnection>()
}

export async function wantedAndWrapped(name: string, options: ConnectionOptions, type: "sql" | "github") {
  const wanted: SQLConnection = await connection("pets")
  const ofAPath: SQLConnection = await connection("pets", { type: "./connections/pets.ts" })
  const either = await connection("pets", { type })
  same<typeof either, BaseConnection>()
  const wrapped = await connection<SQLConnection<PetsDB>>(name, { ...options, type: "sql" })
  same<typeof wrapped, SQLConnection<PetsDB>>()
  const generic = <C extends object>(): Promise<C> => connection<C>(name, options)
  return [wanted, ofAPath, generic]
}

export function keys(): void {
  class Weather extends PetsConnection {
    static override typeKey = "weather@1"
  }
  class Oslo extends Weather {
    static override typeKey = "oslo@1"
  }
  class Bergen extends Oslo {
    static override readonly typeKey = "bergen@1"
  }
  class OwnSql extends SQLConnection {
    static override readonly typeKey = "own@1"
  }
  void [Bergen, OwnSql]
}

export async function rows(pets: SQLConnection<PetsDB>) {
  const loose = await pets.query("select * from owners")
  same<typeof loose, Table<Record<string, unknown>>>()

  const typed = await pets.query<{ name: string }>("select name from owners")
  same<typeof typed, Table<{ name: string }>>()
  for (const { name } of typed) name satisfies string
  for (const row of typed) {
    // @ts-expect-error the row has a name only
    row.pet
  }
  same<ReturnType<typeof typed.toArray>, { name: string }[]>()

  const { rows } = await pets.execute<{ id: number }>("insert into owners values (:name) returning id", { name: "Ada" })
  same<typeof rows, Table<{ id: number }>>()

  const count = await pets.scalar<number>("select count(*) from owners")
  same<typeof count, number | undefined>()

  const names = await pets.transaction(async (tx) =>
    (await tx.query<{ name: string }>("select name from owners")).toArray(),
  )
  same<typeof names, { name: string }[]>()
  await pets.transaction(async (tx) => {
    // @ts-expect-error transaction() commits by itself
    tx.commit()
  })

  await using session = pets.session
  const found = await session.db().selectFrom("owners").select("pet").execute()
  same<typeof found, { pet: string }[]>()
  // @ts-expect-error there is no such table
  session.db().selectFrom("cats")
}

export function authors(): void {
  class WithoutConnect extends BaseConnection {
    protected _connect(): undefined {
      return undefined
    }
    look() {
      return this._instance satisfies Promise<unknown>
    }
  }
  // @ts-expect-error the one method that an author must write
  class Missing extends BaseConnection {}
  // @ts-expect-error abstract
  new BaseConnection("pets")
  const made = new PetsConnection("pets", { token: "t" })
  made satisfies ConnectionShape & AsyncDisposable
  // @ts-expect-error what _connect returned is for the class itself
  made._instance
  same<typeof made.connectionName, string>()
  same<Parameters<typeof made.reset>[0], { timeout?: Duration } | undefined>()
  void [WithoutConnect, Missing]
}

export class AsInStreamlit extends connections.BaseConnection<Client> {
  protected _connect(): Promise<Client> {
    return Promise.resolve(new Client())
  }
}
