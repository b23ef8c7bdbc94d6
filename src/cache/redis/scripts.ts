/** Lua that the server runs as one step, between the commands of all others. */
export class Script {
  readonly text: string
  #digest: string | undefined

  constructor(text: string) {
    this.text = text
  }

  /** Under which the server keeps it. */
  get digest(): string {
    this.#digest ??= process.getBuiltinModule("node:crypto").hash("sha1", this.text)
    return this.#digest
  }
}

/*
 * What is kept, for each scope, in keys of one hash slot:
 *
 * KEYS[1]  e:  a hash of epoch tokens: `s` of the scope, `g…` of groups, `i…` of entries, and `n`, the number of the last
 *              execution. It is made with a random `s`: however it got lost, no earlier epoch comes back.
 * KEYS[2]  v:  an entry: `e` its epoch, `n` the number of its execution, `b` its bytes, `v` those bytes.
 * KEYS[3]  l:  who executes now: epoch, blank, number. One of another epoch counts for nothing.
 *
 * ARGV[1] and ARGV[2] are the fields of group and entry.
 */

const readEpoch = `
local t = redis.call('HMGET', KEYS[1], 's', ARGV[1], ARGV[2])
local epoch = t[1] and t[1] .. '.' .. (t[2] or '') .. '.' .. (t[3] or '')
`

const beginEpoch = `${readEpoch}
if not epoch then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 's', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  epoch = ARGV[3] .. '..'
end
`

/** ARGV: group, entry, a new token, ms that epochs live, bytes that come at once. Gives epoch, number, bytes, value. */
export const look: Script = new Script(`${beginEpoch}
local r = redis.call('HMGET', KEYS[2], 'e', 'n', 'b')
if r[1] ~= epoch or not r[2] or not r[3] then return { epoch } end
if tonumber(r[3]) > tonumber(ARGV[5]) then return { epoch, r[2], r[3] } end
return { epoch, r[2], r[3], redis.call('HGET', KEYS[2], 'v') }
`)

/**
 * ARGV: group, entry, a new token, ms that epochs live, the number that is known, ms of the lease, whether to begin
 * whatever others do. Gives the epoch and `newer`, or `held` with its holder, or `yours` with the number.
 */
export const turn: Script = new Script(`${beginEpoch}
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if ARGV[7] == '0' then
  local r = redis.call('HMGET', KEYS[2], 'e', 'n')
  if r[1] == epoch and r[2] and tonumber(r[2]) > tonumber(ARGV[5]) then return { epoch, 'newer' } end
  local holder = redis.call('GET', KEYS[3])
  if holder and string.sub(holder, 1, #epoch + 1) == epoch .. ' ' then return { epoch, 'held', holder } end
end
local n = redis.call('HINCRBY', KEYS[1], 'n', 1)
redis.call('SET', KEYS[3], epoch .. ' ' .. n, 'PX', ARGV[6])
return { epoch, 'yours', tostring(n) }
`)

/**
 * ARGV: group, entry, the epoch and number of the execution, ms that the entry lives, its bytes' number, its bytes, ms
 * that epochs live. Gives 1, or 0 where the epoch is over, or 2 where an execution that began later has stored.
 */
export const store: Script = new Script(`${readEpoch}
if epoch ~= ARGV[3] then return 0 end
local r = redis.call('HMGET', KEYS[2], 'e', 'n')
local kept = 2
if not (r[1] == epoch and r[2] and tonumber(r[2]) > tonumber(ARGV[4])) then
  redis.call('UNLINK', KEYS[2])
  redis.call('HSET', KEYS[2], 'e', epoch, 'n', ARGV[4], 'b', ARGV[6], 'v', ARGV[7])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[8])
  kept = 1
end
if redis.call('GET', KEYS[3]) == epoch .. ' ' .. ARGV[4] then redis.call('DEL', KEYS[3]) end
return kept
`)

/** KEYS: the lease. ARGV: its holder, ms. Gives 1, or 0 where it is another's by now. */
export const renew: Script = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`)

/** KEYS: the lease. ARGV: its holder. */
export const release: Script = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`)

/** KEYS: the epochs. ARGV: the field, a new token, how many fields there may be. Without epochs nothing is valid. */
export const invalidate: Script = new Script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
`)
