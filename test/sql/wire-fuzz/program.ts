/** node program.ts postgresql|mysql COUNT SEED: prints what came of it, line by line while it works. */
import { mysqlCase } from "./mysql.ts"
import { postgresCase } from "./postgres.ts"
import { Random } from "./random.ts"
import { type Outcome, tryMany } from "./run.ts"

const [protocol, count, seed] = process.argv.slice(2)
const makeCase = protocol === "mysql" ? mysqlCase : postgresCase
const print = (outcome: Outcome) => console.log(JSON.stringify(outcome))
const newRandom = (index: number) => new Random(Number(seed) * 7_919_000 + index)
// What drivers complain of on the console is a fault, too.
console.error = (...said: unknown[]) => process.emit("uncaughtException", new Error(said.join(" ")))
console.trace = console.error
print(await tryMany(makeCase, newRandom, Number(count), print))
process.exit(0)
