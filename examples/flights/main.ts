/** Questions about three million real flights, asked through named connections. Run it with `npm run demo`. */
import { fileURLToPath } from "node:url"
import { closeAll, configure, connection, isMooringError, sql } from "mooring"
import { say, shown, timed } from "./show.ts"

configure({ project: fileURLToPath(new URL(".", import.meta.url)), secretsFiles: ["secrets.toml"] })

const flights = await connection("flights", { type: "sql" })
say.title("Three million flights of 2001, in a Parquet file")

const busiest = `
  select o.city || ' → ' || d.city as route, count(*) as flights, round(avg(f.delay), 1) as "mean delay"
  from 'flights-3m.parquet' f
  join 'airports.csv' o on o.iata = f.origin
  join 'airports.csv' d on d.iata = f.destination
  group by route order by flights desc limit 5`
const first = await timed(() => flights.query(busiest, { ttl: "10m" }))
say.answer("Which routes are the busiest?", shown(first.value), first)

const again = await timed(() => flights.query(busiest, { ttl: "10m" }))
say.note(`The same question again: ${say.time(again.milliseconds)}, from the cache, the same table.`)

const hours = await timed(() =>
  flights.query(
    `select hour(date) as hour, count(*) as flights, round(avg(delay), 1) as "mean delay",
            bar(avg(delay), 0, 25, 30) as " "
     from 'flights-3m.parquet' where origin = :airport and hour(date) between 6 and 21
     group by all order by all`,
    { params: { airport: "ORD" } },
  ),
)
say.answer("When should one not leave from Chicago O'Hare?", shown(hours.value, 24), hours)

const weekend = ["Saturday", "Sunday"]
const share = await timed(() =>
  flights.scalar(sql`
    select round(100.0 * count(*) filter (dayname(date) in ${weekend}) / count(*), 1) from 'flights-3m.parquet'`),
)
say.answer("How many of them were on a weekend?", `${share.value} %`, share)

const all = await timed(() => flights.query("select * from 'flights-3m.parquet'"))
const late = await timed(
  async () =>
    all.value
      .column("delay")
      .toArray()
      .filter((delay) => Number(delay) > 60).length,
)
say.answer(
  "And all of them, as an Arrow table?",
  `${all.value.numRows.toLocaleString("en")} rows × ${all.value.numCols} columns, ` +
    `${Math.round(all.value.byteLength / 1e6)} MB; ${late.value.toLocaleString("en")} were more than an hour late`,
  all,
)

say.title("Errors say what is wrong, and what to do")
for (const wrong of ["create table oops (id int)", "select delya from 'flights-3m.parquet'"]) {
  try {
    await flights.query(wrong)
  } catch (error) {
    if (!isMooringError(error)) throw error
    say.failure(wrong, error)
  }
}

say.title("A session writes, and commits")
const logbook = await connection("logbook", { type: "sql" })
await logbook.execute("create table if not exists entries (id integer primary key, route text, flights integer)")
{
  await using session = logbook.session
  for (const { route, flights } of first.value) {
    await session.execute("insert into entries (route, flights) values (:route, :flights)", { route, flights })
  }
  await session.commit()
}
{
  await using session = logbook.session
  await session.execute("delete from entries")
  say.note(`Inside a session that deletes them: ${await session.scalar("select count(*) from entries")} entries.`)
}
say.note(`It ended without commit(), so there are still ${await logbook.scalar("select count(*) from entries")}.`)
await logbook.execute("delete from entries")

await closeAll()
