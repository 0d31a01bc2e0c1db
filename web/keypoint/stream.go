package keypoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/game/store/keypoint"
)

const (
	group     = "writers"
	entryIn   = "batch"                // the one field of an entry
	look      = 500 * time.Millisecond // how long a writer waits for an entry before it looks whether it should stop
	readCount = 16                     // entries at once
	dayKept   = 48 * time.Hour         // of a day's count of events
)

// What a batch is refused with. Its client keeps it and sends it again.
var (
	errBacklog = fault.New(fault.Overloaded, "too many events wait to be stored; try again later")
	errDaily   = fault.New(fault.RateLimited, "the key has sent as many events as it may in a day")
)

// An entry is a batch on the stream. Its names are short because it lies in memory.
type entry struct {
	App      string    `json:"a"`
	Received int64     `json:"r"` // milliseconds
	Skew     int64     `json:"s,omitempty"`
	Events   []inEntry `json:"e,omitempty"`
	Rejects  []reject  `json:"q,omitempty"`
}

type inEntry struct {
	ID     string          `json:"i"`
	Name   string          `json:"n"`
	Player string          `json:"p"`
	At     int64           `json:"t"`
	Fields json.RawMessage `json:"f"`
}

type reject struct {
	Index  int    `json:"i"`
	Reason string `json:"r"`
	Detail string `json:"d"`
	Body   string `json:"b"`
}

// A stream is what is taken in and not in SQL yet. It is safe for concurrent use.
type stream struct {
	stores *store.Stores
	limit  int64 // bytes
}

// All keys have one hash tag: the scripts below touch several.
func (s *stream) key(parts ...string) string {
	return s.stores.Key(append([]string{"keypoint", "{keypoint}"}, parts...)...)
}

// addScript adds an entry unless there are too many bytes or the day's events are used up. KEYS: stream, bytes, the day's count. ARGV: the entry, most bytes,
// events, most events of the day (0: any), seconds that the count is kept.
var addScript = redis.NewScript(`
if tonumber(redis.call('GET', KEYS[2]) or '0') + #ARGV[1] > tonumber(ARGV[2]) then return 1 end
local daily = tonumber(ARGV[4])
if daily > 0 then
	if tonumber(redis.call('GET', KEYS[3]) or '0') + tonumber(ARGV[3]) > daily then return 2 end
	redis.call('INCRBY', KEYS[3], ARGV[3])
	redis.call('EXPIRE', KEYS[3], ARGV[5])
end
redis.call('XADD', KEYS[1], '*', 'batch', ARGV[1])
redis.call('INCRBY', KEYS[2], #ARGV[1])
return 0`)

// add puts an entry of n events on the stream; it is there when the error is nil. With an error of Redis's it may be, and is sent again harmlessly.
func (s *stream) add(ctx context.Context, e entry, n int, daily int64, now time.Time) error {
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode a batch: %w", err)
	}
	keys := []string{s.key("stream"), s.key("bytes"), s.key("day", e.App, keypoint.DayOf(now).String())}
	said, err := addScript.Run(ctx, s.stores.Redis(), keys, text, s.limit, n, daily, int(dayKept.Seconds())).Int()
	switch {
	case err != nil:
		return fmt.Errorf("put a batch on the stream: %w", err)
	case said == 1:
		return errBacklog
	case said == 2:
		return errDaily
	}
	return nil
}

// take is the next entries for a writer: those that it took and did not finish if again is set, otherwise new ones, for which it waits a moment.
func (s *stream) take(ctx context.Context, writer string, again bool) ([]redis.XMessage, error) {
	args := &redis.XReadGroupArgs{Group: group, Consumer: writer, Streams: []string{s.key("stream"), ">"}, Count: readCount, Block: look}
	if again {
		args.Streams[1], args.Block = "0", -1
	}
	got, err := s.stores.Redis().XReadGroup(ctx, args).Result()
	if err = s.grouped(ctx, err); err != nil || len(got) == 0 {
		return nil, err
	}
	return got[0].Messages, nil
}

// claim takes over entries that some writer took and did not finish for idle.
func (s *stream) claim(ctx context.Context, writer string, idle time.Duration) ([]redis.XMessage, error) {
	args := &redis.XAutoClaimArgs{Stream: s.key("stream"), Group: group, Consumer: writer, MinIdle: idle, Start: "0", Count: readCount}
	got, _, err := s.stores.Redis().XAutoClaim(ctx, args).Result()
	return got, s.grouped(ctx, err)
}

// grouped makes the group where Redis says that there is none: at the first start, and when Redis was lost.
func (s *stream) grouped(ctx context.Context, err error) error {
	if err != nil && strings.Contains(err.Error(), "NOGROUP") {
		err = s.stores.Redis().XGroupCreateMkStream(ctx, s.key("stream"), group, "0").Err()
		if err != nil && strings.Contains(err.Error(), "BUSYGROUP") {
			return nil
		}
	}
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// doneScript takes entries off the stream. Who does so second changes nothing. KEYS: stream, bytes. ARGV: group, then id and size of each.
var doneScript = redis.NewScript(`
for i = 2, #ARGV, 2 do
	redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
	if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then redis.call('DECRBY', KEYS[2], ARGV[i + 1]) end
end
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('SET', KEYS[2], '0') end
return tonumber(redis.call('GET', KEYS[2]) or '0')`)

// done takes entries off the stream, and says how many bytes are left on it.
func (s *stream) done(ctx context.Context, entries []redis.XMessage) (int64, error) {
	args := []any{group}
	for _, m := range entries {
		text, _ := m.Values[entryIn].(string)
		args = append(args, m.ID, len(text))
	}
	return doneScript.Run(ctx, s.stores.Redis(), []string{s.key("stream"), s.key("bytes")}, args...).Int64()
}
