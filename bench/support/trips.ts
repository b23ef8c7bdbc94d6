/** The table that is read whole: 1,000,000 rows × 8 columns, on each database. */

export const rows = 1_000_000

const columns = "id, fare, big, code, name, ts, flag, amount"
export const allTrips = `select ${columns} from trips`

export const postgresTrips: readonly string[] = [
  `create table trips as
   select i::int4 as id, (random() * 1e6)::float8 as fare, (random() * 1000)::int8 as big, md5((i % 1000)::text) as code,
          'name ' || (i % 50) as name, timestamp '2024-01-01' + (i || ' seconds')::interval as ts, (i % 7 = 0) as flag,
          case when i % 11 = 0 then null else (random() * 1e4)::numeric(12, 2) end as amount
   from generate_series(1, ${rows}) i`,
  "create unique index on trips (id)",
  "vacuum analyze trips",
]

export const mariadbTrips: readonly string[] = [
  `create table trips (
     id int primary key, fare double not null, big bigint not null, code char(32) not null, name varchar(20) not null,
     ts datetime not null, flag boolean not null, amount decimal(12, 2))`,
  `insert into trips
   select seq, rand() * 1e6, rand() * 1000, md5(seq % 1000), concat('name ', seq % 50),
          timestamp '2024-01-01 00:00:00' + interval seq second, seq % 7 = 0,
          if(seq % 11 = 0, null, rand() * 1e4)
   from seq_1_to_${rows}`,
  "analyze table trips",
]

export const duckdbTrips: string = `
  create table trips as
  select i::int as id, random() * 1e6 as fare, (random() * 1000)::bigint as big, md5((i % 1000)::varchar) as code,
         'name ' || (i % 50) as name, timestamp '2024-01-01' + to_seconds(i) as ts, (i % 7 = 0) as flag,
         case when i % 11 = 0 then null else (random() * 1e4)::decimal(12, 2) end as amount
  from range(${rows}) t(i)`

/** SQLite has no dates: they are text. */
export const sqliteTrips: string = `
  create table trips (id integer primary key, fare real, big integer, code text, name text, ts text, flag boolean,
    amount numeric);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows})
  insert into trips select i, i * 1.37, i * 1000003, lower(hex(randomblob(16))), 'name ' || (i % 50),
    datetime(1700000000 + i, 'unixepoch'), i % 2, case when i % 11 = 0 then null else i * 0.25 end from n`

/** A side that read something else measured something else. */
export function expectRows(count: number, expected: number = rows): undefined {
  if (count !== expected) throw new Error(`${count} rows were read instead of ${expected}.`)
}
