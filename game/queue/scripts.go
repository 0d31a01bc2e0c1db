package queue

import "github.com/redis/go-redis/v9"

// The scripts, each one step that happens whole or not at all. All keys of an area share the hash tag {queue:<area>}, and every script gets all of them, in
// this order:
//
//	waiting  zset  player by number: who waits and is connected
//	away     zset  player by when his number is forgotten, ms
//	kept     hash  player -> number, of those who are away
//	places   zset  player by when his place is free again, ms: what capacity counts
//	passes   hash  player -> "pass until", not used yet
//	worlds   hash  player -> the world that he is inside
//	state    hash  epoch: of the node that leads; hold: nobody is let in until then, ms; number: the last given; tokens, filled: for the rate
//
// `now` is Redis's own clock unless a test brings one. Numbers that Lua must not round are strings of at most 15 digits.
const prelude = `
local waiting, away, kept, places, passes, worlds, state = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]

local function clock(given)
  if given ~= '0' then return tonumber(given) end
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function text(n) return string.format('%.0f', n) end

-- sweep forgets what is over, a bounded part of it at a time; nothing below relies on its having been forgotten.
local function sweep(now)
  for _, player in ipairs(redis.call('ZRANGEBYSCORE', places, '-inf', text(now), 'LIMIT', '0', '100')) do
    redis.call('ZREM', places, player)
    redis.call('HDEL', passes, player)
    redis.call('HDEL', worlds, player)
  end
  for _, player in ipairs(redis.call('ZRANGEBYSCORE', away, '-inf', text(now), 'LIMIT', '0', '100')) do
    redis.call('ZREM', away, player)
    redis.call('HDEL', kept, player)
  end
end

local function field(name) return tonumber(redis.call('HGET', state, name) or '0') end

local function live(key, player, now)
  local untilms = tonumber(redis.call('ZSCORE', key, player) or '0')
  return untilms > now and untilms
end

-- allowed is how many of want may be let in now. A second's worth of rate may come at once.
local function allowed(want, now, capacity, rate)
  if field('hold') > now then return 0 end
  if capacity > 0 then
    want = math.min(want, capacity - redis.call('ZCOUNT', places, '(' .. text(now), '+inf'))
  end
  if rate > 0 then
    local tokens = math.min(rate, field('tokens') + math.max(0, now - field('filled')) * rate / 1000)
    redis.call('HSET', state, 'tokens', string.format('%.3f', tokens))
    redis.call('HSET', state, 'filled', text(now))
    want = math.min(want, math.floor(tokens + 0.0005))
  end
  return math.max(0, want)
end

local function spend(n, rate)
  if rate > 0 then redis.call('HSET', state, 'tokens', string.format('%.3f', field('tokens') - n)) end
end

local function pass(player, now)
  local code, untilms = string.match(redis.call('HGET', passes, player) or '', '^(%S+) (%d+)$')
  if code and tonumber(untilms) > now then return code, tonumber(untilms) end
end

-- hold gives the player a place for at least so long.
local function hold(player, untilms)
  local old = tonumber(redis.call('ZSCORE', places, player) or '0')
  redis.call('ZADD', places, text(math.max(old, untilms)), player)
end

-- grant gives the player his pass: the one he has, or the new one.
local function grant(player, code, now, ttl)
  local old = pass(player, now)
  if old then return old end
  redis.call('HSET', passes, player, code .. ' ' .. text(now + ttl))
  hold(player, now + ttl)
  return code
end

local function forget(player)
  redis.call('ZREM', away, player)
  redis.call('HDEL', kept, player)
end
`

var (
	// ARGV now ttl grace capacity rate epoch, then for each op what it is, the player, and a pass. Returns 'lost' when Redis does not know who leads, since then
	// it does not know who is inside either, and 'fenced' when a newer epoch leads; otherwise for each enter the pass, and whether it took a place; or '',
	// the player's position, all who wait, and his number. For other ops it returns nothing.
	//
	// Many ops share one run: sending and starting a script costs more than most of them.
	applyScript = redis.NewScript(prelude + `
local now, ttl, grace, capacity, rate = clock(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local epoch = redis.call('HGET', state, 'epoch')
if not epoch then return 'lost' end
if tonumber(epoch) > tonumber(ARGV[6]) then return 'fenced' end
sweep(now)

local function enter(player, code)
  if live(places, player, now) then
    redis.call('ZREM', waiting, player)
    forget(player)
    return {grant(player, code, now, ttl), 0}
  end
  local number = redis.call('ZSCORE', waiting, player)
  if not number then
    if live(away, player, now) then number = redis.call('HGET', kept, player) end
    forget(player)
    if redis.call('ZCARD', waiting) == 0 and allowed(1, now, capacity, rate) > 0 then
      spend(1, rate)
      return {grant(player, code, now, ttl), 1}
    end
    local new = not number
    if new then number = text(redis.call('HINCRBY', state, 'number', 1)) end
    redis.call('ZADD', waiting, number, player)
    if new then
      local all = redis.call('ZCARD', waiting)
      return {'', all, all, number}
    end
  end
  return {'', redis.call('ZRANK', waiting, player) + 1, redis.call('ZCARD', waiting), number}
end

local function leave(player)
  redis.call('ZREM', waiting, player)
  forget(player)
  if redis.call('HDEL', passes, player) == 1 and redis.call('HEXISTS', worlds, player) == 0 then redis.call('ZREM', places, player) end
  return {}
end

local function drop(player)
  local number = redis.call('ZSCORE', waiting, player)
  if number then
    redis.call('ZREM', waiting, player)
    redis.call('HSET', kept, player, number)
    redis.call('ZADD', away, text(now + grace), player)
  end
  return {}
end

local ops, out = {enter = enter, leave = leave, drop = drop}, {}
for i = 7, #ARGV, 3 do
  out[#out + 1] = ops[ARGV[i]](ARGV[i + 1], ARGV[i + 2])
end
return out
`)

	// ARGV now epoch ttl capacity rate pass... Lets in the first who wait, at most one for each pass. Returns how many still wait, then players and passes; or
	// 'lost' when Redis does not know who leads, and 'fenced' when somebody else does.
	admitScript = redis.NewScript(prelude + `
local now, ttl, capacity, rate = clock(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local epoch = redis.call('HGET', state, 'epoch')
if not epoch then return {'lost'} end
if epoch ~= ARGV[2] then return {'fenced'} end
sweep(now)
local out = {0}
if redis.call('ZCARD', waiting) > 0 then
  local n = allowed(#ARGV - 5, now, capacity, rate)
  if n > 0 then
    local first = redis.call('ZRANGE', waiting, '0', text(n - 1))
    for i, player in ipairs(first) do
      redis.call('ZREM', waiting, player)
      out[#out + 1] = player
      out[#out + 1] = grant(player, ARGV[5 + i], now, ttl)
    end
    spend(#first, rate)
  end
end
out[1] = redis.call('ZCARD', waiting)
return out
`)

	// ARGV now player pass grace world. Uses the pass up. Returns whether it was good.
	redeemScript = redis.NewScript(prelude + `
local now, player = clock(ARGV[1]), ARGV[2]
if pass(player, now) ~= ARGV[3] then return 0 end
redis.call('HDEL', passes, player)
redis.call('HSET', worlds, player, ARGV[5])
hold(player, now + ARGV[4])
return 1
`)

	// ARGV now grace world n, n players inside, then those who left.
	reportScript = redis.NewScript(prelude + `
local now, world, n = clock(ARGV[1]), ARGV[3], tonumber(ARGV[4])
for i = 5, 4 + n do
  redis.call('HSET', worlds, ARGV[i], world)
  hold(ARGV[i], now + ARGV[2])
end
for i = 5 + n, #ARGV do
  local player = ARGV[i]
  if redis.call('HGET', worlds, player) == world then -- and not another's by now
    redis.call('HDEL', worlds, player)
    local _, untilms = pass(player, now)
    if untilms then
      redis.call('ZADD', places, text(untilms), player) -- he is on his way back in
    else
      redis.call('ZREM', places, player)
    end
  end
end
return 1
`)

	// ARGV now epoch grace settle limit. A node takes over: up to limit of those who wait become away, as their connections were another's. Returns how
	// many there still are, or -1 when a newer epoch has taken over already.
	openScript = redis.NewScript(prelude + `
local now = clock(ARGV[1])
if field('epoch') > tonumber(ARGV[2]) then return -1 end
redis.call('HSET', state, 'epoch', ARGV[2])
local found = redis.call('ZRANGE', waiting, '0', text(ARGV[5] - 1), 'WITHSCORES')
for i = 1, #found, 2 do
  redis.call('ZREM', waiting, found[i])
  redis.call('HSET', kept, found[i], found[i + 1])
  redis.call('ZADD', away, text(now + ARGV[3]), found[i])
end
sweep(now)
if redis.call('ZCARD', away) > 0 then redis.call('HSET', state, 'hold', text(math.max(field('hold'), now + ARGV[4]))) end
return redis.call('ZCARD', waiting)
`)

	// ARGV now ms. Nobody is let in for so long.
	holdScript = redis.NewScript(prelude + `
redis.call('HSET', state, 'hold', text(math.max(field('hold'), clock(ARGV[1]) + ARGV[2])))
return 1
`)
)
