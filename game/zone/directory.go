package zone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/id"
	"loumiao/game/api"
	"loumiao/game/tables"
)

// claimTTL is how long a line whose zone is silent stays in the directory; renewed each renewEvery.
const claimTTL, renewEvery = 6 * time.Second, time.Second

// A directory is which lines each map has in each area, and who hosts them. It says where to go and no more: a field lives without it, and who may be on it is said by
// the players' owners. It is safe for concurrent use.
type directory interface {
	// open has l take a number, if another line is wanted: there are fewer than the map's least, or none has room for comfort, which those in full have not, whatever they
	// say. false: none is wanted, or there are as many as there may be.
	open(ctx context.Context, l listing, m tables.Map, full []int64) (listing, bool, error)
	// renew says again that the line is there. false: its number is another's.
	renew(ctx context.Context, l listing) (bool, error)
	// close gives a line's number back; false: the line is wanted. least is how many are to stay, or evenTheLast.
	close(ctx context.Context, l listing, least int) (bool, error)
	// list is a map's lines in an area, by number.
	list(ctx context.Context, area api.Area, name string) ([]listing, error)
}

// evenTheLast is how many lines stay when one has to close.
const evenTheLast = -1

// A register is the directory in Redis: a key for each line's number, which is gone when its zone is. A number has one line at a time, because whoever wants it takes
// a free key. A zone that was paused for longer than claimTTL finds its number taken, and closes the field.
type register struct {
	client redis.UniversalClient
	key    func(parts ...string) string
}

// A listing is one line in the directory.
type listing struct {
	Area  api.Area
	Map   string
	Line  int32 // from 1
	Field api.FieldID
	Zone  id.Node
	Boot  id.Boot

	Players, Soft, Hard int
}

// value is the listing as its key has it.
func (l listing) value() string {
	return fmt.Sprintf("%d %d %d %d %d %d", l.Field, l.Players, l.Soft, l.Hard, l.Zone, uint64(l.Boot))
}

func parseListing(area api.Area, name string, number int32, value string) (listing, error) {
	l := listing{Area: area, Map: name, Line: number}
	var boot uint64
	var rest string
	n, err := fmt.Sscanf(value+" .", "%d %d %d %d %d %d %s", &l.Field, &l.Players, &l.Soft, &l.Hard, &l.Zone, &boot, &rest)
	l.Boot = id.Boot(boot)
	if err != nil || n != 7 || rest != "." || l.Field <= 0 || l.Players < 0 || l.Soft < 1 || l.Hard < l.Soft {
		return l, fmt.Errorf("the directory of fields has %q for line %d of %s in area %d", value, number, name, area)
	}
	return l, nil
}

// keys is a key for each line that a map may have, in order. Those of a map and area share a hash tag.
func (d *register) keys(area api.Area, name string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = d.key("field", "{"+area.String()+":"+name+"}", fmt.Sprint(i+1))
	}
	return keys
}

// openScript takes the first free number for a new line, if there are fewer than the least, or none has room for comfort: those in ARGV from the 4th on
// have none whatever they say. It returns the number, or 0.
var openScript = redis.NewScript(`
local full = {}
for i = 4, #ARGV do full[ARGV[i]] = true end
local free, lines, room = 0, 0, false
for i, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  if value then
    local field, players, soft = string.match(value, '^(%d+) (%d+) (%d+) ')
    lines = lines + 1
    if field and not full[field] and tonumber(players) < tonumber(soft) then room = true end
  elseif free == 0 then
    free = i
  end
end
if free == 0 or (lines >= tonumber(ARGV[3]) and room) then return 0 end
redis.call('SET', KEYS[free], ARGV[1], 'PX', ARGV[2])
return free`)

// renewScript keeps a field's number: 1. If another field has it: 0.
var renewScript = redis.NewScript(`
local value = redis.call('GET', KEYS[1])
if value and string.match(value, '^%d+') ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

// closeScript gives the number ARGV[1] of the field ARGV[2] back, unless there would be fewer lines than the least, ARGV[3], or no room for comfort on the others. A least
// below 0 has it given back in any case. It returns whether the field has no number now.
var closeScript = redis.NewScript(`
local own = KEYS[tonumber(ARGV[1])]
local lines, room = 0, false
for i, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  if value then
    lines = lines + 1
    local players, soft = string.match(value, '^%d+ (%d+) (%d+) ')
    if players and key ~= own and tonumber(players) < tonumber(soft) then room = true end
  end
end
local value = redis.call('GET', own)
if not value or string.match(value, '^%d+') ~= ARGV[2] then return 1 end
local least = tonumber(ARGV[3])
if least >= 0 and (lines <= least or (lines > 1 and not room)) then return 0 end
redis.call('DEL', own)
return 1`)

func (d *register) open(ctx context.Context, l listing, m tables.Map, full []int64) (listing, bool, error) {
	args := []any{l.value(), claimTTL.Milliseconds(), m.LinesMin}
	for _, f := range full {
		args = append(args, f)
	}
	n, err := openScript.Run(ctx, d.client, d.keys(l.Area, l.Map, m.LinesMax), args...).Int()
	l.Line = int32(n)
	return l, n > 0, err
}

func (d *register) renew(ctx context.Context, l listing) (bool, error) {
	key := d.keys(l.Area, l.Map, int(l.Line))[l.Line-1]
	n, err := renewScript.Run(ctx, d.client, []string{key}, l.value(), claimTTL.Milliseconds(), int64(l.Field)).Int()
	return n == 1, err
}

func (d *register) close(ctx context.Context, l listing, least int) (bool, error) {
	n, err := closeScript.Run(ctx, d.client, d.keys(l.Area, l.Map, tables.MaxLines), l.Line, int64(l.Field), least).Int()
	return n == 1, err
}

// list leaves out what it cannot read, unless that is all.
func (d *register) list(ctx context.Context, area api.Area, name string) ([]listing, error) {
	values, err := d.client.MGet(ctx, d.keys(area, name, tables.MaxLines)...).Result()
	if err != nil {
		return nil, err
	}
	var lines []listing
	var bad error
	for i, value := range values {
		text, ok := value.(string)
		if !ok {
			continue
		}
		l, err := parseListing(area, name, int32(i+1), text)
		if err != nil {
			bad = errors.Join(bad, err)
			continue
		}
		lines = append(lines, l)
	}
	if len(lines) == 0 && bad != nil {
		return nil, bad
	}
	return lines, nil
}
