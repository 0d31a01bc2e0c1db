package match

import "github.com/redis/go-redis/v9"

// The scripts, each one step that happens whole or not at all. All keys of an area share the hash tag {match:<area>}, so that a Redis Cluster
// keeps them together, across modes too: a player has one ticket, whatever the mode.
//
//	tickets       hash   player -> "mode ticket" while waiting, "mode ticket match" once claimed
//	pool:<mode>   zset   ticket by the sequence number in which it came, or came back: readers ask for what is newer
//	sequence      string the last sequence number
//	lead:<mode>   string who runs the pool's passes, with expiry
//	matches       hash   match -> "state holder zone claimed teams until place mode ticket ticket ...", place being "-" unless it is a fill
//	due           zset   match by when it may be taken over, ms
//	answers:<match> hash player -> "1": he accepts, "0": he does not; while they are asked, with expiry
//	tickets:stood zset   player who has a ticket by when his world last stood for it, ms
//	party...      see partyScript
//	places:<mode> zset   place that is open by when that is forgotten, ms
//	filling:<mode> zset  room:seat:round of a place that is being filled by when that is forgotten, ms
//	gone:<ticket> string "0": ended without a match, or the match it went into; with expiry
//
// A ticket is written as id:player:rating:joined, with player+player+... for a party, each of whom has it; a place as room:seat:round:zone:rating:since:barred+barred+... Ids stay strings: Lua's numbers hold 53 bits. `now` is Redis's own clock unless a
// test brings one.
const luaNow = `
local function clock(given)
  if given ~= '0' then return given end
  local t = redis.call('TIME')
  return string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
end
`

// luaFree has those of the players who are in a match by their ticket be in none, and have no ticket. They may have another by now, which stays.
const luaFree = `
local function free(tickets, players, match)
  for player in string.gmatch(players, '%d+') do
    if string.match(redis.call('HGET', tickets, player) or '', '^%S+ %S+ (%S+)$') == match then
      redis.call('HDEL', tickets, player)
      redis.call('ZREM', tickets .. ':stood', player)
    end
  end
end
`

// luaWithdraw takes a ticket out that waits, and has it known for so long that it ended without a match.
const luaWithdraw = `
local function withdraw(tickets, pool, players, ticket, gone, ms)
  redis.call('ZREM', pool, ticket)
  for player in string.gmatch(players, '%d+') do
    redis.call('HDEL', tickets, player)
    redis.call('ZREM', tickets .. ':stood', player)
  end
  redis.call('SET', gone, '0', 'PX', ms)
end
`

// luaSay notes what a player says to a match that he is asked about, see answerScript. It needs luaNow and luaFree.
const luaSay = `
local function say(matches, answers, tickets, gone, match, player, yes, now, ms, remember)
  local untl, list = string.match(redis.call('HGET', matches, match) or '', '^claimed %S+ %S+ %S+ %S+ (%S+) %S+ %S+ (.*)$')
  if not untl or untl == '0' then return -1 end
  local all, his, team = 0
  for ticket, players in string.gmatch(list, '(%d+):([%d+]+):') do
    for p in string.gmatch(players, '%d+') do
      all = all + 1
      if p == player then his, team = ticket, players end
    end
  end
  if not his then return -1 end
  local was = redis.call('HGET', answers, player)
  local settled = redis.call('HLEN', answers) == all or tonumber(clock(now)) > tonumber(untl)
  if was and (settled or was == '0' or yes == '1') then return tonumber(was) end
  if settled then return -1 end
  redis.call('HSET', answers, player, yes)
  redis.call('PEXPIRE', answers, ms)
  if yes == '0' then
    free(tickets, team, match)
    redis.call('SET', gone .. ':' .. his, '0', 'PX', remember)
  end
  return tonumber(yes)
end
`

var (
	// KEYS tickets pool sequence party; ARGV players ticket mode rating now party. Returns the mode, id and players of the ticket that there is now: the new one, or what one of
	// them has already; or nothing, when the party is not the first's, or its players are others.
	joinScript = redis.NewScript(luaNow + `
for player in string.gmatch(ARGV[1], '%d+') do
  local held = redis.call('HGET', KEYS[1], player)
  if held then
    local mode, ticket, players = string.match(held, '^(%S+) (%d+):([%d+]+):')
    return {mode, ticket, players}
  end
end
local first = string.match(ARGV[1], '^%d+')
local party = redis.call('GET', KEYS[4] .. ':of:' .. first) or '0'
local members = party ~= '0' and redis.call('GET', KEYS[4] .. ':party:' .. party) or ''
if not string.find(' ' .. members .. ' ', ' ' .. first .. ' ', 1, true) then party = '0' end
if party ~= ARGV[6] or party ~= '0' and string.gsub(members, ' ', '+') ~= ARGV[1] then return {} end
local now = clock(ARGV[5])
local ticket = ARGV[2] .. ':' .. ARGV[1] .. ':' .. ARGV[4] .. ':' .. now
redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[3]), ticket)
for player in string.gmatch(ARGV[1], '%d+') do
  redis.call('HSET', KEYS[1], player, ARGV[3] .. ' ' .. ticket)
  redis.call('ZADD', KEYS[1] .. ':stood', now, player)
end
return {ARGV[3], ARGV[2], ARGV[1]}
`)

	// KEYS tickets pool then gone:<ticket> of each; ARGV ms to remember, then for each mode, players, ticket. Takes those out that still wait
	// and returns 1 or 0 for each.
	withdrawScript = redis.NewScript(luaWithdraw + `
local out = {}
for i = 3, #KEYS do
  local mode, players, ticket = ARGV[3 * i - 7], ARGV[3 * i - 6], ARGV[3 * i - 5]
  out[i - 2] = 0
  if redis.call('HGET', KEYS[1], string.match(players, '^%d+')) == mode .. ' ' .. ticket then
    withdraw(KEYS[1], KEYS[2], players, ticket, KEYS[i], ARGV[1])
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

	// KEYS tickets pool matches due; ARGV match holder zone mode lease now teams accept ticket... Returns the places of tickets that do not wait any more, and
	// then has changed nothing.
	claimScript = redis.NewScript(luaNow + `
local missing = {}
for i = 9, #ARGV do
  if not redis.call('ZSCORE', KEYS[2], ARGV[i]) then missing[#missing + 1] = i - 9 end
end
if #missing > 0 then return missing end
local now = clock(ARGV[6])
local untl = '0'
if ARGV[8] ~= '0' then untl = string.format('%.0f', now + ARGV[8]) end
local record = 'claimed ' .. ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. now .. ' ' .. ARGV[7] .. ' ' .. untl .. ' - ' .. ARGV[4]
for i = 9, #ARGV do
  redis.call('ZREM', KEYS[2], ARGV[i])
  for player in string.gmatch(string.match(ARGV[i], '^%d+:([%d+]+):'), '%d+') do
    redis.call('HSET', KEYS[1], player, ARGV[4] .. ' ' .. ARGV[i] .. ' ' .. ARGV[1])
  end
  record = record .. ' ' .. ARGV[i]
end
redis.call('HSET', KEYS[3], ARGV[1], record)
redis.call('ZADD', KEYS[4], now + ARGV[5] + ARGV[8], ARGV[1])
return missing
`)

	// KEYS tickets pool matches due places filling; ARGV match holder zone mode lease now teams place ticket. Takes a ticket and a place, or neither. Returns 0; 1: the
	// ticket does not wait any more; 2: the place is not open any more.
	fillScript = redis.NewScript(luaNow + `
if not redis.call('ZSCORE', KEYS[2], ARGV[9]) then return 1 end
local now = clock(ARGV[6])
local untl = redis.call('ZSCORE', KEYS[5], ARGV[8])
if not untl or tonumber(untl) <= tonumber(now) then return 2 end
redis.call('ZREM', KEYS[5], ARGV[8])
redis.call('ZADD', KEYS[6], now + ARGV[5], string.match(ARGV[8], '^%d+:%d+:%d+'))
redis.call('ZREM', KEYS[2], ARGV[9])
for player in string.gmatch(string.match(ARGV[9], '^%d+:([%d+]+):'), '%d+') do
  redis.call('HSET', KEYS[1], player, ARGV[4] .. ' ' .. ARGV[9] .. ' ' .. ARGV[1])
end
redis.call('HSET', KEYS[3], ARGV[1], 'claimed ' .. ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. now .. ' ' .. ARGV[7] .. ' 0 ' .. ARGV[8] .. ' ' .. ARGV[4] .. ' ' .. ARGV[9])
redis.call('ZADD', KEYS[4], now + ARGV[5], ARGV[1])
return 0
`)

	// KEYS places filling; ARGV ms now place... Notes places that are open, for so long, but those that are being filled.
	offerScript = redis.NewScript(luaNow + `
local now = clock(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
for i = 3, #ARGV do
  if not redis.call('ZSCORE', KEYS[2], string.match(ARGV[i], '^%d+:%d+:%d+')) then
    redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i])
  end
end
return 1
`)

	// KEYS matches due; ARGV match holder lease now. Makes a claimed match final. Returns whether holder held it.
	commitScript = redis.NewScript(luaNow + `
local holder, rest = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^%S+ (%S+) (.*)$')
if holder ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], 'made ' .. holder .. ' ' .. rest)
redis.call('ZADD', KEYS[2], clock(ARGV[4]) + ARGV[3], ARGV[1])
return 1
`)

	// KEYS matches due tickets pool sequence filling; ARGV match holder. Puts the tickets of a match that is not final back into their pool, but those that have ended with a
	// no. Returns whether holder held it.
	releaseScript = redis.NewScript(`
local record = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local holder, place, mode, tickets = string.match(record, '^claimed (%S+) %S+ %S+ %S+ %S+ (%S+) (%S+) (.*)$')
if holder ~= ARGV[2] then return 0 end
if place ~= '-' then redis.call('ZREM', KEYS[6], string.match(place, '^%d+:%d+:%d+')) end
for ticket in string.gmatch(tickets, '%S+') do
  local players = string.match(ticket, '^%d+:([%d+]+):')
  if redis.call('HGET', KEYS[3], string.match(players, '^%d+')) == mode .. ' ' .. ticket .. ' ' .. ARGV[1] then
    redis.call('ZADD', KEYS[4], redis.call('INCR', KEYS[5]), ticket)
    for player in string.gmatch(players, '%d+') do
      redis.call('HSET', KEYS[3], player, mode .. ' ' .. ticket)
    end
  end
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
`)

	// KEYS matches answers tickets gone; ARGV match player answer now ms remember. Notes what a player says to a match that he is asked about. Returns his answer as it stands, or -1: it
	// is too late, or he is not asked. An answer stands, except that he may think better of a yes while others are still missing. With a no his ticket ends.
	answerScript = redis.NewScript(luaNow + luaFree + luaSay + `
return say(KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
`)

	// KEYS matches due tickets pool sequence answers then gone:<ticket> of each; ARGV match holder now ms. Decides about a match that its players are asked about. Returns
	// the clock and -1: holder does not hold it; 0: go on waiting; 1: all have accepted; 2: it was undone, then the places of the tickets that have ended with it. These are those of
	// whoever has said no and, when the time was over, has said nothing; the others wait again.
	resolveScript = redis.NewScript(luaNow + luaFree + `
local holder, untl, mode, tickets = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^claimed (%S+) %S+ %S+ %S+ (%S+) %S+ (%S+) (.*)$')
local now = clock(ARGV[3])
if holder ~= ARGV[2] then return {now, -1} end
local refused, silent, said = false, false, {}
for ticket in string.gmatch(tickets, '%S+') do
  local worst = '1'
  for player in string.gmatch(string.match(ticket, '^%d+:([%d+]+):'), '%d+') do
    local answer = redis.call('HGET', KEYS[6], player)
    if answer == '0' then worst = '0' elseif not answer and worst == '1' then worst = '' end
  end
  said[#said + 1] = worst
  refused, silent = refused or worst == '0', silent or worst == ''
end
if not refused and not silent then return {now, 1} end
local over = tonumber(now) > tonumber(untl)
if not refused and not over then return {now, 0} end
local out, i = {now, 2}, 0
for ticket in string.gmatch(tickets, '%S+') do
  i = i + 1
  local players = string.match(ticket, '^%d+:([%d+]+):')
  if said[i] == '0' or over and said[i] == '' then
    out[#out + 1] = i - 1
    redis.call('SET', KEYS[6 + i], '0', 'PX', ARGV[4])
    free(KEYS[3], players, ARGV[1])
  else
    redis.call('ZADD', KEYS[4], redis.call('INCR', KEYS[5]), ticket)
    for player in string.gmatch(players, '%d+') do
      redis.call('HSET', KEYS[3], player, mode .. ' ' .. ticket)
    end
  end
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[6])
return out
`)

	// KEYS matches due tickets then gone:<ticket> of each; ARGV match holder ms lease now players... Frees players of the match, those that are its, and keeps it for
	// so long; lease 0: forgets it. Returns whether holder held it.
	freeScript = redis.NewScript(luaNow + luaFree + `
local holder = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^%S+ (%S+) ')
if holder ~= ARGV[2] then return 0 end
for i = 4, #KEYS do
  redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[3])
  free(KEYS[3], ARGV[i + 2], ARGV[1])
end
if ARGV[4] ~= '0' then
  redis.call('ZADD', KEYS[2], clock(ARGV[5]) + ARGV[4], ARGV[1])
else
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
end
return 1
`)

	// KEYS tickets; ARGV now, then player and ticket's id in turn. Notes that the players' worlds stand for their tickets. Returns the places, from 0, of those pairs that are not
	// so: the player has no ticket, or another.
	standScript = redis.NewScript(luaNow + `
local now, out = clock(ARGV[1]), {}
for i = 2, #ARGV, 2 do
  if string.match(redis.call('HGET', KEYS[1], ARGV[i]) or '', '^%S+ (%d+):') == ARGV[i + 1] then
    redis.call('ZADD', KEYS[1] .. ':stood', now, ARGV[i])
  else
    out[#out + 1] = (i - 2) / 2
  end
end
return out
`)

	// KEYS tickets; ARGV now ms limit. Returns what players hold for whom no world has stood within so many ms and whose tickets wait. One that is in a match is left to the
	// match, and looked at again when it is back.
	unattendedScript = redis.NewScript(luaNow + `
local now, out = clock(ARGV[1]), {}
for _, player in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1] .. ':stood', '-inf', now - ARGV[2], 'LIMIT', '0', ARGV[3])) do
  local held = redis.call('HGET', KEYS[1], player)
  if not held then
    redis.call('ZREM', KEYS[1] .. ':stood', player)
  elseif string.match(held, '^%S+ %S+$') then
    out[#out + 1] = held
  else
    redis.call('ZADD', KEYS[1] .. ':stood', now, player)
  end
end
return out
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
    local untl = string.match(rest, '^%S+ %S+ %S+ (%S+) ')
    redis.call('ZADD', KEYS[2], math.max(tonumber(now), tonumber(untl)) + ARGV[2], id)
    out[#out + 1] = id
    out[#out + 1] = record
  else
    redis.call('ZREM', KEYS[2], id)
  end
end
return out
`)
)
