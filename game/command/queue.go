package command

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/framework/store"
)

const (
	maxWaiting = 1000                   // commands that may be on the stream
	replyKept  = 10 * time.Minute       // how long a result can be read
	patience   = 30 * time.Second       // how long a submission waits, if its context does not say
	look       = 500 * time.Millisecond // how long one call waits for something to come
	answer     = 5 * time.Second        // how long Redis may take to say that nothing came
	group      = "public"
	reader     = "leader" // the same for all, since one leads at a time: so the next one finds what the last one has not finished
	field      = "command"
	replyTo    = "reply" // the field that names where the submission waits: under the command's id it would find what an earlier one was told
	resultIn   = "result"
)

// A Queue is the stream of commands, and their results. It is safe for concurrent use.
type Queue struct{ stores *store.Stores }

// NewQueue is the commands of the stack.
func NewQueue(stores *store.Stores) *Queue { return &Queue{stores} }

func (q *Queue) stream() string         { return q.stores.Key("commands", "{commands}") }
func (q *Queue) reply(to string) string { return q.stores.Key("commands", "{commands}", "reply", to) }

// Submit has a command done and waits for what came of it, until ctx ends and for at most 30 seconds. The error says that it did not get so far: with
// [fault.Deadline] it may be done all the same; submit it again, with the same id. Whether it was done, the result says.
func (q *Queue) Submit(ctx context.Context, c Command) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	data, err := json.Marshal(c)
	if err != nil {
		return Result{}, fault.Wrap(err, fault.Invalid, "the command cannot be written as JSON")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := q.stores.Redis()
	waiting, err := r.XLen(ctx, q.stream()).Result()
	if err != nil {
		return Result{}, fmt.Errorf("submit a command: %w", err)
	}
	if waiting >= maxWaiting {
		return Result{}, fault.Errorf(fault.Overloaded, "%d commands are waiting: nobody seems to do them", waiting)
	}
	to := rand.Text()
	if err := r.XAdd(ctx, &redis.XAddArgs{Stream: q.stream(), Values: []any{field, string(data), replyTo, to}}).Err(); err != nil {
		return Result{}, fmt.Errorf("submit a command: %w", err)
	}
	return q.await(ctx, c.ID, to)
}

// await waits for a result of a command.
func (q *Queue) await(ctx context.Context, id, to string) (Result, error) {
	for {
		text, err := q.lookFor(ctx, to)
		if err != nil {
			return Result{}, err
		}
		if text == "" {
			continue
		}
		var r Result
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return Result{}, fmt.Errorf("result of command %s: %w", id, err)
		}
		return r, nil
	}
}

// lookFor waits a moment for a result; empty says that there is none yet. Redis gets time to answer beyond the end of ctx, so that an end which comes
// first is not taken for a connection that is lost.
func (q *Queue) lookFor(ctx context.Context, to string) (text string, err error) {
	wait := look
	if end, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(end).Truncate(time.Millisecond)) // which is what Redis counts in; with 0 it would wait for ever
	}
	if ctx.Err() != nil || wait <= 0 {
		return "", fault.New(fault.Deadline, "nobody has said what came of the command, which is begun within "+lasts+" or not at all: submit it again, with the same id")
	}
	over, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait+answer)
	defer cancel()
	got, err := q.stores.Redis().XRead(over, &redis.XReadArgs{Streams: []string{q.reply(to), "0"}, Count: 1, Block: wait}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("wait for a command: %w", err)
	}
	if len(got) > 0 && len(got[0].Messages) > 0 {
		text, _ = got[0].Messages[0].Values[resultIn].(string)
	}
	return text, nil
}

// An Entry is a command on the stream.
type Entry struct {
	Command
	Err   error // why it cannot be done, if it is malformed; of its fields, those are set that could be read
	Again bool  // it was taken before, and may have been begun
	id    string
	to    string        // where its submission waits
	age   time.Duration // when it was taken
	taken time.Time
}

// Late is whether the command has waited for longer than [Lasts] and is not to be begun any more.
func (e Entry) Late() bool { return e.age+time.Since(e.taken) > Lasts }

// Take is the next commands, for the one who leads: those that were taken and not answered if again is set, otherwise new ones, for which it
// waits a moment.
func (q *Queue) Take(ctx context.Context, again bool) ([]Entry, error) {
	args := &redis.XReadGroupArgs{Group: group, Consumer: reader, Streams: []string{q.stream(), ">"}, Count: 16, Block: look}
	if again {
		args.Streams[1], args.Block = "0", -1
	}
	got, err := q.stores.Redis().XReadGroup(ctx, args).Result()
	if err != nil && strings.HasPrefix(err.Error(), "NOGROUP") {
		err = q.stores.Redis().XGroupCreateMkStream(ctx, q.stream(), group, "0").Err()
		if err != nil && strings.HasPrefix(err.Error(), "BUSYGROUP") {
			err = nil
		}
		got = nil
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("take commands: %w", err)
	}
	if len(got) == 0 || len(got[0].Messages) == 0 {
		return nil, nil
	}
	now, err := nowScript.Run(ctx, q.stores.Redis(), []string{q.stream()}).Int64()
	if err != nil {
		return nil, fmt.Errorf("take commands: %w", err)
	}
	var entries []Entry
	for _, s := range got {
		for _, m := range s.Messages {
			e := Entry{Again: again, id: m.ID, age: since(m.ID, now), taken: time.Now()}
			text, ok := m.Values[field].(string)
			if !ok {
				e.Err = fault.New(fault.Invalid, "there is no command in the entry")
			} else {
				e.Command, e.Err = parse(text)
			}
			e.to, _ = m.Values[replyTo].(string)
			if e.to == "" { // submitted by an earlier version
				e.to = e.ID
			}
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// nowScript is the time of the Redis that holds KEYS[1], in milliseconds: that by which it numbers entries.
var nowScript = redis.NewScript(`
local t = redis.call('TIME')
return t[1] * 1000 + math.floor(t[2] / 1000)`)

// since is how long an entry has been on the stream: its id begins with when it came.
func since(id string, now int64) time.Duration {
	text, _, _ := strings.Cut(id, "-")
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(now-at) * time.Millisecond
}

// Answer says what came of a command, and takes it off the stream.
func (q *Queue) Answer(ctx context.Context, e Entry, result Result) error {
	text, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("answer command %s: %w", e.ID, err)
	}
	_, err = q.stores.Redis().TxPipelined(ctx, func(p redis.Pipeliner) error {
		if ids.MatchString(e.to) {
			p.Del(ctx, q.reply(e.to))
			p.XAdd(ctx, &redis.XAddArgs{Stream: q.reply(e.to), Values: []any{resultIn, string(text)}})
			p.Expire(ctx, q.reply(e.to), replyKept)
		}
		p.XAck(ctx, q.stream(), group, e.id)
		p.XDel(ctx, q.stream(), e.id)
		return nil
	})
	if err != nil {
		return fmt.Errorf("answer command %s: %w", e.ID, err)
	}
	return nil
}
