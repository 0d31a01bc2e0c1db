package match

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/game/api"
)

const (
	partyKept   = 6 * time.Hour // how long a party is there in which nothing changes
	inviteValid = time.Minute
)

// Why something about a party cannot be done.
var (
	errNoParty    = fault.New(fault.NotFound, "the player is in no party")
	errNoInvite   = fault.New(fault.NotFound, "no such invitation, or it is too old")
	errFull       = fault.New(fault.FailedPrecondition, "the party is full")
	errNotLeader  = fault.New(fault.Forbidden, "only the leader of the party can do that")
	errNotInParty = fault.New(fault.NotFound, "that player is not in the party")
	errAlreadyIn  = fault.New(fault.FailedPrecondition, "that player is in the party already")
)

// A Party is players who have one ticket together. It is kept in Redis, beside the tickets, and so outlives every node; when Redis loses it, it is gone, and whoever
// was in it is in none. The zero Party is none.
type Party struct {
	ID      int64
	Players []api.PlayerID // the leader first, then by how long they are in it
	Number  int64          // of the area's last change of a party: the greater it is, the later was the party as this says
}

// leads reports whether the player leads the party.
func (p Party) leads(player api.PlayerID) bool { return len(p.Players) > 0 && p.Players[0] == player }

// An act is what is done to a party.
type act string

const (
	look   act = "look"
	invite act = "invite"
	accept act = "accept"
	depart act = "leave"
	kick   act = "kick"
)

// KEYS prefix, of of:<player> "party", party:<id> "player player ...", invite:<id>:<player> and number, which share its hash tag, and the area, of all other keys; ARGV act player
// other party new most kept_ms invite_ms now answered_ms remember_ms. Does something to the player's party. Returns what was wrong or "", the party's id and players after it, the
// players who are in none any more, and the id and players of the party that he has left for another, the number of the last change, and the tickets that it has ended: those with which
// somebody waited as a party that has changed, or alone who is in one now. Whoever of them is asked whether he accepts a match has said no. Should Redis lose the numbers, they go on after
// all that it has given, since they keep up with the clock. A party of fewer than two is none, except while its first invitation may be taken.
var partyScript = redis.NewScript(luaNow + luaFree + luaWithdraw + luaSay + `
local P, M, act, player, other = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
local most, kept = tonumber(ARGV[6]), ARGV[7]
local function read(id)
  local list = {}
  for p in string.gmatch(redis.call('GET', P .. ':party:' .. id) or '', '%d+') do list[#list + 1] = p end
  return list
end
local function at(list, who)
  for i, p in ipairs(list) do if p == who then return i end end
end
local number = tonumber(redis.call('GET', P .. ':number') or '0')
local function changes()
  number = math.max(number + 1, tonumber(clock(ARGV[9])))
  redis.call('SET', P .. ':number', string.format('%.0f', number))
end
local function write(id, list)
  changes()
  redis.call('SET', P .. ':party:' .. id, table.concat(list, ' '), 'PX', kept)
  for _, p in ipairs(list) do redis.call('SET', P .. ':of:' .. p, id, 'PX', kept) end
end
local id, list = redis.call('GET', P .. ':of:' .. player) or '0', {}
if id ~= '0' then list = read(id) end
if not at(list, player) then id, list = '0', {} end
local gone, left, ended = {}, {'0', {}}, {}
local function answer(wrong)
  return {wrong, id, table.concat(list, ' '), table.concat(gone, ' '), left[1], table.concat(left[2], ' '), string.format('%.0f', number), table.concat(ended, ' ')}
end
local function give_back(players)
  for _, p in ipairs(players) do
    local mode, ticket, match = string.match(redis.call('HGET', M .. ':tickets', p) or '', '^(%S+) (%S+) ?(%S*)$')
    if match == '' then
      local its, all = string.match(ticket, '^(%d+):([%d+]+):')
      withdraw(M .. ':tickets', M .. ':pool:' .. mode, all, ticket, M .. ':gone:' .. its, ARGV[11])
      ended[#ended + 1] = ticket
    elseif match then
      say(M .. ':matches', M .. ':answers:' .. match, M .. ':tickets', M .. ':gone', match, p, '0', ARGV[9], ARGV[10], ARGV[11])
    end
  end
end
local function remove(who)
  table.remove(list, at(list, who))
  gone[#gone + 1] = who
  redis.call('DEL', P .. ':of:' .. who)
  if #list >= 2 then write(id, list) return end
  changes()
  for _, p in ipairs(list) do
    gone[#gone + 1] = p
    redis.call('DEL', P .. ':of:' .. p)
  end
  redis.call('DEL', P .. ':party:' .. id)
  id, list = '0', {}
end

if act == 'invite' then
  if at(list, other) then return answer('in') end
  if #list >= most then return answer('full') end
  if id == '0' then id, list = ARGV[5], {player} end
  write(id, list)
  redis.call('SET', P .. ':invite:' .. id .. ':' .. other, player, 'PX', ARGV[8])
elseif act == 'accept' then
  local key = P .. ':invite:' .. ARGV[4] .. ':' .. player
  if id == ARGV[4] then return answer('') end
  local joined = read(ARGV[4])
  if not redis.call('GET', key) or #joined == 0 then return answer('invite') end
  if #joined >= most then return answer('full') end
  redis.call('DEL', key)
  if #list >= 2 then
    remove(player)
    table.remove(gone, 1) -- he is in the other one
    left = {id, list}
  elseif id ~= '0' then
    redis.call('DEL', P .. ':party:' .. id)
  end
  joined[#joined + 1] = player
  id, list = ARGV[4], joined
  write(id, list)
elseif act == 'leave' then
  if id == '0' then return answer('none') end
  remove(player)
elseif act == 'kick' then
  if id == '0' then return answer('none') end
  if list[1] ~= player then return answer('leader') end
  if other == player or not at(list, other) then return answer('absent') end
  remove(other)
end
if act ~= 'look' and act ~= 'invite' then
  for _, players in ipairs({list, left[2], gone}) do give_back(players) end
end
return answer('')
`)

// A change is what an act has led to.
type change struct {
	is    Party          // the player's party as it is then, also when he has left it
	left  Party          // as it is then, that he has left for another
	gone  []api.PlayerID // who is in none any more
	ended []Ticket       // that waited for a party as it was, or for one who has come into it
}

// Party does something to the player's party, and ends at the same stroke the tickets with which it, or who has come into it, waits. newID is for a party that is made.
func (s *Store) Party(ctx context.Context, area api.Area, do act, player, other api.PlayerID, party, newID int64) (change, error) {
	reply, err := partyScript.Run(ctx, s.client, []string{s.at(area, "party"), s.at(area)},
		string(do), int64(player), int64(other), party, newID, MaxParty, partyKept.Milliseconds(), inviteValid.Milliseconds(), s.now(),
		answered.Milliseconds(), remember.Milliseconds()).StringSlice()
	var c change
	if err == nil && len(reply) != 8 {
		err = fmt.Errorf("an answer of %d parts", len(reply))
	}
	if err == nil {
		c.is, err = parseParty(reply[1], reply[2], reply[6])
	}
	if err == nil {
		c.left, err = parseParty(reply[4], reply[5], reply[6])
	}
	if err == nil {
		c.gone, err = parseMembers(reply[3])
	}
	if err == nil {
		c.ended, err = parseTickets(reply[7])
	}
	if err != nil {
		return change{}, fmt.Errorf("%s party of player %v: %w", do, player, err)
	}
	switch reply[0] {
	case "in":
		err = errAlreadyIn
	case "full":
		err = errFull
	case "invite":
		err = errNoInvite
	case "none":
		err = errNoParty
	case "leader":
		err = errNotLeader
	case "absent":
		err = errNotInParty
	}
	return c, err
}

func parseParty(id, members, number string) (is Party, err error) {
	if is.ID, err = strconv.ParseInt(id, 10, 64); err != nil {
		return Party{}, err
	}
	if is.Number, err = strconv.ParseInt(number, 10, 64); err != nil {
		return Party{}, err
	}
	is.Players, err = parseMembers(members)
	return is, err
}

func parseMembers(members string) ([]api.PlayerID, error) {
	if members == "" {
		return nil, nil
	}
	return parsePlayers(strings.ReplaceAll(members, " ", "+"))
}

func parseTickets(list string) (tickets []Ticket, err error) {
	for _, one := range strings.Fields(list) {
		t, err := parseTicket(one)
		if err != nil {
			return nil, err
		}
		tickets = append(tickets, t)
	}
	return tickets, nil
}

// party does something to a player's party, and sees to it that everybody hears of it, and of the tickets that it has ended.
func (d *desk) party(ctx context.Context, area api.Area, do act, player, other api.PlayerID, party int64) (Party, error) {
	if player <= 0 || (do == invite || do == kick) && (other <= 0 || other == player) {
		return Party{}, errNoPlayer
	}
	c, err := d.store.Party(ctx, area, do, player, other, party, d.ids())
	if err != nil || do == look {
		return c.is, outside(err)
	}
	if do == invite {
		d.work.news(area, []news{{player: other, party: c.is, from: player}})
		return c.is, nil
	}
	var tell []news
	for _, as := range []Party{c.is, c.left} {
		for _, p := range as.Players {
			tell = append(tell, news{player: p, party: as})
		}
	}
	for _, p := range c.gone {
		tell = append(tell, news{player: p, party: Party{Number: c.is.Number}})
	}
	d.work.news(area, slices.DeleteFunc(tell, func(n news) bool { return n.player == player })) // he gets the answer
	d.work.unmatch(c.ended, reasonParty)
	if do == depart {
		return Party{Number: c.is.Number}, nil
	}
	return c.is, nil
}

// team is who has a ticket together that a player asks for, and what they count as: himself, or his party, which he leads and of whom each can play now.
func (d *desk) team(ctx context.Context, area api.Area, player api.PlayerID, rating int32) (Party, int32, error) {
	c, err := d.store.Party(ctx, area, look, player, 0, 0, 0)
	is := c.is
	switch {
	case err != nil:
		return Party{}, 0, outside(err)
	case len(is.Players) < 2:
		return Party{ID: is.ID, Players: []api.PlayerID{player}}, rating, nil
	case !is.leads(player):
		return Party{}, 0, errNotLeader
	}
	ratings := []int32{rating}
	for _, mate := range is.Players[1:] {
		r, err := d.mesh.Ready(ctx, mate)
		if err != nil {
			return Party{}, 0, fault.Wrap(err, fault.FailedPrecondition, fmt.Sprintf("player %v of the party cannot play now", mate))
		}
		ratings = append(ratings, r)
	}
	return is, PartyRating(ratings), nil
}

// news is something that a player's owner is told about his party: of an invitation, of a ticket, or how the party is now.
type news struct {
	player api.PlayerID
	party  Party
	from   api.PlayerID // who invites
	ticket api.TicketID
	mode   string
}

// newsFor is for how long a player is told something about his party whose owner cannot take it: for longer than he needs to move to another world, since his client, which does not
// notice that, does not ask.
const newsFor = 3 * time.Second

// news tells players' owners. Whoever has none asks when he comes back. It does not wait, and so one may overtake another: an owner goes by the Party's number.
func (a *assigner) news(area api.Area, all []news) {
	for _, n := range all {
		a.spawn(func() {
			again, cancel := context.WithTimeout(a.patient, newsFor)
			defer cancel()
			err := a.mesh.News(a.life, n)
			for pause := minPause; err != nil && mayChange(err) && fault.CodeOf(err) != fault.NotOwner && sleep(again, pause); pause = min(2*pause, maxPause) {
				err = a.mesh.News(a.life, n)
			}
			if err != nil {
				a.log.Debug("a player has not heard of his party", "player", n.player, "area", area, "error", err)
			}
		})
	}
}
