package match

import "github.com/redis/go-redis/v9"

// The scripts, each one step that happens whole or not at all. All keys of an area share the hash tag {match:<area>}, so that a Redis Cluster
// keeps them together, across modes too: a player has one ticket, whatever the mode.
//
//	tickets       hash   player -> "mode ticket" while waiting, "mode ticket match" once claimed
//	pool:<mode>   zset   ticket by the sequence number in which it came, or came back: readers ask for what is newer
//	sequence      string the last sequence number
//	lead:<mode>   string who runs the pool's passes, with expiry
//	matches       hash   match -> "state holder zone claimed mode ticket ticket ..."
//	due           zset   match by when it may be taken over, ms
//	gone:<ticket> string "0": ended without a match, or the match it went into; with expiry
//
// A ticket is written as id:player:rating:joined. Ids stay strings: Lua's numbers hold 53 bits. `now` is Redis's own clock unless a
// test brings one.
const luaNow = `
local function clock(given)
  if given ~= '0' then return given end
  local t = redis.call('TIME')
  return string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
end
`

var (
	// KEYS tickets pool sequence; ARGV player ticket mode rating now. Returns the player's mode and ticket.
	joinScript = redis.NewScript(luaNow + `
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held then
  local mode, ticket = string.match(held, '^(%S+) (%d+):')
  return {mode, ticket}
end
local ticket = ARGV[2] .. ':' .. ARGV[1] .. ':' .. ARGV[4] .. ':' .. clock(ARGV[5])
redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[3]), ticket)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ' ' .. ticket)
return {ARGV[3], ARGV[2]}
`)

	// KEYS tickets pool then gone:<ticket> of each; ARGV ms to remember, then for each mode, player, ticket. Takes those out that still wait
	// and returns 1 or 0 for each.
	withdrawScript = redis.NewScript(`
local out = {}
for i = 3, #KEYS do
  local mode, player, ticket = ARGV[3 * i - 7], ARGV[3 * i - 6], ARGV[3 * i - 5]
  out[i - 2] = 0
  if redis.call('HGET', KEYS[1], player) == mode .. ' ' .. ticket then
    redis.call('ZREM', KEYS[2], ticket)
    redis.call('HDEL', KEYS[1], player)
    redis.call('SET', KEYS[i], '0', 'PX', ARGV[1])
    out[i - 2] = 1
  end
end
return out
`)

	// KEYS pool sequence lead; ARGV self ms after limit now. Returns whether self leads, the clock, the last number, the pool's size, and tickets
	// with their numbers.
	pollScript = redis.NewScript(luaNow + `
local now = clock(ARGV[5])
local lead = redis.call('GET', KEYS[3])
if lead and lead ~= ARGV[1] then return {0, now, '0', 0, {}} end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
local last = redis.call('GET', KEYS[2]) or '0'
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', '0', ARGV[4])
return {1, now, last, redis.call('ZCARD', KEYS[1]), found}
`)

	// KEYS lead; ARGV self. Gives the lead up, if self has it.
	resignScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`)

	// KEYS tickets pool matches due; ARGV match holder zone mode lease now ticket... Returns the places of tickets that do not wait any more, and
	// then has changed nothing.
	claimScript = redis.NewScript(luaNow + `
local missing = {}
for i = 7, #ARGV do
  if not redis.call('ZSCORE', KEYS[2], ARGV[i]) then missing[#missing + 1] = i - 7 end
end
if #missing > 0 then return missing end
local now = clock(ARGV[6])
local record = 'claimed ' .. ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. now .. ' ' .. ARGV[4]
for i = 7, #ARGV do
  redis.call('ZREM', KEYS[2], ARGV[i])
  redis.call('HSET', KEYS[1], string.match(ARGV[i], '^%d+:(%d+):'), ARGV[4] .. ' ' .. ARGV[i] .. ' ' .. ARGV[1])
  record = record .. ' ' .. ARGV[i]
end
redis.call('HSET', KEYS[3], ARGV[1], record)
redis.call('ZADD', KEYS[4], now + ARGV[5], ARGV[1])
return missing
`)

	// KEYS matches due; ARGV match holder lease now. Makes a claimed match final. Returns whether holder held it.
	commitScript = redis.NewScript(luaNow + `
local holder, rest = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^%S+ (%S+) (.*)$')
if holder ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], 'made ' .. holder .. ' ' .. rest)
redis.call('ZADD', KEYS[2], clock(ARGV[4]) + ARGV[3], ARGV[1])
return 1
`)

	// KEYS matches due tickets pool sequence; ARGV match holder. Puts the tickets of a match that is not final back into their pool. Returns whether
	// holder held it.
	releaseScript = redis.NewScript(`
local record = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local holder, mode, tickets = string.match(record, '^claimed (%S+) %S+ %S+ (%S+) (.*)$')
if holder ~= ARGV[2] then return 0 end
for ticket in string.gmatch(tickets, '%S+') do
  redis.call('ZADD', KEYS[4], redis.call('INCR', KEYS[5]), ticket)
  redis.call('HSET', KEYS[3], string.match(ticket, '^%d+:(%d+):'), mode .. ' ' .. ticket)
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
`)

	// KEYS matches due tickets then gone:<ticket> of each; ARGV match holder ms player... Forgets the match and frees its players. Returns whether
	// holder held it.
	finishScript = redis.NewScript(`
local holder = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^%S+ (%S+) ')
if holder ~= ARGV[2] then return 0 end
for i = 4, #KEYS do
  redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[3])
  redis.call('HDEL', KEYS[3], ARGV[i])
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
`)

	// KEYS matches due; ARGV holder lease limit now. Takes matches over that are past their deadline. Returns the clock, then ids and records.
	takeOverScript = redis.NewScript(luaNow + `
local now = clock(ARGV[4])
local out = {now}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', '0', ARGV[3])) do
  local state, rest = string.match(redis.call('HGET', KEYS[1], id) or '', '^(%S+) %S+ (.*)$')
  if state then
    local record = state .. ' ' .. ARGV[1] .. ' ' .. rest
    redis.call('HSET', KEYS[1], id, record)
    redis.call('ZADD', KEYS[2], now + ARGV[2], id)
    out[#out + 1] = id
    out[#out + 1] = record
  else
    redis.call('ZREM', KEYS[2], id)
  end
end
return out
`)
)
