package queue

import "github.com/redis/go-redis/v9"

// The scripts, each one step that happens whole or not at all. All keys of an area share the hash tag {queue:<area>}, and every script gets all of them, in
// this order:
//
//	away     zset  player by when his number is forgotten, ms
//	kept     hash  player -> "number lane", of those who are away
//	places   zset  player by when his place is free again, ms: what capacity counts
//	passes   hash  player -> "pass until", not used yet
//	worlds   hash  player -> the world that he is inside
//	state    hash  epoch: of the node that leads; hold: nobody is let in until then, ms; number: the last given; tokens, filled: for the rate;
//	               lanes: the names of the leader's; due:<lane>: see turn
//	waiting  zset  player by number: who waits and is connected; one for each lane
//
// `now` is Redis's own clock unless a test brings one. Numbers that Lua must not round are strings of at most 15 digits.
const prelude = `
local away, kept, places, passes, worlds, state = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]

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
local function allowed(want, now, capacity, rate, admission)
  if admission ~= 'open' and admission ~= 'draining' or field('hold') > now then return 0 end
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

// laned is the rest of the prelude for the scripts that have to do with lanes: their ARGV[2] is "name=cost ...".
const laned = prelude + `
local lanes = {}
for name, cost in string.gmatch(ARGV[2], '(%S+)=(%d+)') do
  local i = #lanes + 1
  lanes[i] = {name = name, cost = tonumber(cost), waiting = KEYS[6 + i]}
end

-- where is the lane that the player waits in, and his number.
local function where(player)
  for _, lane in ipairs(lanes) do
    local number = redis.call('ZSCORE', lane.waiting, player)
    if number then return lane, number end
  end
end

-- named is the lane of that name, or else the standard one.
local function named(name)
  for _, lane in ipairs(lanes) do
    if lane.name == name then return lane end
  end
  return lanes[1]
end

local function all_waiting()
  local n = 0
  for _, lane in ipairs(lanes) do n = n + redis.call('ZCARD', lane.waiting) end
  return n
end

local function step_out(player)
  for _, lane in ipairs(lanes) do redis.call('ZREM', lane.waiting, player) end
end

-- keep has a player who waits be away until then.
local function keep(player, number, lane, untilms)
  redis.call('ZREM', lane.waiting, player)
  redis.call('HSET', kept, player, number .. ' ' .. lane.name)
  redis.call('ZADD', away, text(untilms), player)
end

-- turn is the lane whose turn it is, of those in which left are left. Each is due some time after it was last served, the sooner the larger its share, and who has
-- waited long enough gains nothing by waiting longer: so a lane that was empty for a day does not come first for an hour (stride scheduling, Waldspurger and Weihl 1995).
local function turn(left, due)
  local first
  for i in ipairs(lanes) do
    if left[i] > 0 and (not first or due[i] < due[first]) then first = i end
  end
  local now = due[first]
  for i in ipairs(lanes) do due[i] = math.max(0, due[i] - now) end
  due[first] = lanes[first].cost
  return first
end
`

var (
	// ARGV now lanes ttl grace capacity rate admission epoch, then for each op what it is, the player, a pass and a lane. Returns 'lost' when Redis does not know who leads,
	// since then it does not know who is inside either, and 'fenced' when a newer epoch leads; otherwise for each enter the pass, whether it took a place, and the lane;
	// or '', the player's position in his lane, all who wait there, his number, and the lane; or 'closed'. For other ops it returns nothing.
	//
	// Many ops share one run: sending and starting a script costs more than most of them.
	applyScript = redis.NewScript(laned + `
local now, ttl, grace, capacity, rate, admission = clock(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local epoch = redis.call('HGET', state, 'epoch')
if not epoch then return 'lost' end
if tonumber(epoch) > tonumber(ARGV[8]) then return 'fenced' end
sweep(now)

local function enter(player, code, name, known)
  if live(places, player, now) then
    step_out(player)
    forget(player)
    return {grant(player, code, now, ttl), 0, ''}
  end
  local lane, number = where(player)
  if not lane then
    if live(away, player, now) then
      local old
      number, old = string.match(redis.call('HGET', kept, player) or '', '^(%d+) (%S+)$')
      name = old or name
    end
    forget(player)
    lane = named(name)
    if admission ~= 'open' and admission ~= 'paused' and not number and not known then return {'closed'} end
    if all_waiting() == 0 and allowed(1, now, capacity, rate, admission) > 0 then
      spend(1, rate)
      return {grant(player, code, now, ttl), 1, lane.name}
    end
    local new = not number
    if new then number = text(redis.call('HINCRBY', state, 'number', 1)) end
    redis.call('ZADD', lane.waiting, number, player)
    if new then
      local all = redis.call('ZCARD', lane.waiting)
      return {'', all, all, number, lane.name}
    end
  end
  return {'', redis.call('ZRANK', lane.waiting, player) + 1, redis.call('ZCARD', lane.waiting), number, lane.name}
end

local function restore(player, code, name) return enter(player, code, name, true) end

local function leave(player)
  step_out(player)
  forget(player)
  if redis.call('HDEL', passes, player) == 1 and redis.call('HEXISTS', worlds, player) == 0 then redis.call('ZREM', places, player) end
  return {}
end

local function drop(player)
  local lane, number = where(player)
  if lane then keep(player, number, lane, now + grace) end
  return {}
end

local ops, out = {enter = enter, restore = restore, leave = leave, drop = drop}, {}
for i = 9, #ARGV, 4 do
  out[#out + 1] = ops[ARGV[i]](ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
end
return out
`)

	// ARGV now lanes epoch ttl capacity rate admission pass... Lets in those whose turn it is, at most one for each pass. Returns how many still wait in each lane,
	// then players, passes and lanes; or 'lost' when Redis does not know who leads, and 'fenced' when somebody else does.
	admitScript = redis.NewScript(laned + `
local now, ttl, capacity, rate = clock(ARGV[1]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local epoch = redis.call('HGET', state, 'epoch')
if not epoch then return {'lost'} end
if epoch ~= ARGV[3] then return {'fenced'} end
sweep(now)
local left, due, all, n, out = {}, {}, 0, 0, {}
for i, lane in ipairs(lanes) do
  left[i], due[i], out[i] = redis.call('ZCARD', lane.waiting), field('due:' .. lane.name), 0
  all = all + left[i]
end
if all > 0 then n = math.min(all, allowed(#ARGV - 7, now, capacity, rate, ARGV[7])) end
local first, taken = {}, {}
for k = 1, n do
  local i = turn(left, due)
  local lane = lanes[i]
  if not first[i] then first[i], taken[i] = redis.call('ZRANGE', lane.waiting, '0', text(n - 1)), 0 end
  taken[i], left[i] = taken[i] + 1, left[i] - 1
  local player = first[i][taken[i]]
  redis.call('ZREM', lane.waiting, player)
  out[#out + 1] = player
  out[#out + 1] = grant(player, ARGV[7 + k], now, ttl)
  out[#out + 1] = lane.name
end
if n > 0 then
  spend(n, rate)
  for i, lane in ipairs(lanes) do redis.call('HSET', state, 'due:' .. lane.name, text(due[i])) end
end
for i in ipairs(lanes) do out[i] = left[i] end
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

	// ARGV now lanes epoch grace settle limit names. A node takes over, with lanes of those names; lanes are these and those of the node before. Up to limit of those
	// who wait become away, as their connections were another's. Returns how many there still are, or -1 when a newer epoch has taken over already.
	openScript = redis.NewScript(laned + `
local now, room = clock(ARGV[1]), tonumber(ARGV[6])
if field('epoch') > tonumber(ARGV[3]) then return -1 end
redis.call('HSET', state, 'epoch', ARGV[3])
for _, lane in ipairs(lanes) do
  local found = redis.call('ZRANGE', lane.waiting, '0', text(room - 1), 'WITHSCORES')
  for i = 1, #found, 2 do keep(found[i], found[i + 1], lane, now + ARGV[4]) end
  room = room - #found / 2
  if room == 0 then break end
end
sweep(now)
if redis.call('ZCARD', away) > 0 then redis.call('HSET', state, 'hold', text(math.max(field('hold'), now + ARGV[5]))) end
local left = all_waiting()
if left == 0 then redis.call('HSET', state, 'lanes', ARGV[7]) end
return left
`)

	// ARGV now lanes player. Changes nothing. Returns how many are away, have places, have passes; how long nobody is let in, ms; whether the player is away; whether he
	// has a place; his position or 0, and his lane or ''; then how many wait in each lane.
	readScript = redis.NewScript(laned + `
local now, player = clock(ARGV[1]), ARGV[3]
local after = '(' .. text(now)
local lane = where(player)
local out = {
  redis.call('ZCOUNT', away, after, '+inf'), redis.call('ZCOUNT', places, after, '+inf'), redis.call('HLEN', passes), math.max(0, field('hold') - now),
  live(away, player, now) and 1 or 0, live(places, player, now) and 1 or 0,
  lane and redis.call('ZRANK', lane.waiting, player) + 1 or 0, lane and lane.name or '',
}
for _, lane in ipairs(lanes) do out[#out + 1] = redis.call('ZCARD', lane.waiting) end
return out
`)

	// ARGV now ms. Nobody is let in for so long.
	holdScript = redis.NewScript(prelude + `
redis.call('HSET', state, 'hold', text(math.max(field('hold'), clock(ARGV[1]) + ARGV[2])))
return 1
`)
)
