/** Asks for many small results, each of its own, in a heap that could not hold them. */
import { cacheData, cacheStats, connection } from "mooring"
import { fakeSql, withConnections } from "mooring/testing"

const rounds = 30_000

await withConnections(
  { pets: fakeSql({ "select name from pets where id = :id": ([id]) => [{ name: `pet ${id}` }] }) },
  async () => {
    const pets = await connection("pets", { type: "sql" })
    for (let id = 0; id < rounds; id++) {
      await pets.scalar("select name from pets where id = :id", { params: { id }, ttl: "1h" })
    }
    const profile = cacheData((id: number) => ({ id, name: `user ${id}`, tags: ["a", "b"], at: new Date(id) }))
    for (let id = 0; id < 2 * rounds; id++) await profile(id)
    const { entries, bytes, evictions } = cacheStats()
    console.log(JSON.stringify({ entries, bytes, evictions }))
  },
)
