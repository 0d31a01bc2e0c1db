package match

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	flights    = 2               // batches under way at once: while one is served, the next fills
	flightSize = 128             // calls in a batch
	flightTime = 5 * time.Second // how long a batch may take: it serves many callers, so that none of their contexts counts
)

// A batch makes runs of one script that come at the same time share round trips: the first caller sends for those who come meanwhile. The zero
// batch is not ready; make one with newBatch. It is safe for concurrent use.
type batch struct {
	client redis.UniversalClient
	script *redis.Script

	mu      sync.Mutex
	flying  int
	pending []*run
}

// A run is one run of a script.
type run struct {
	keys  []string
	args  []any
	reply *redis.Cmd
	turn  chan []*run // nil: answered; else: the caller sends these, its own run among them
}

func newBatch(client redis.UniversalClient, script *redis.Script) *batch {
	return &batch{client: client, script: script}
}

// do runs the script once. After an error of ctx it may have run, or may still.
func (b *batch) do(ctx context.Context, keys []string, args ...any) (*redis.Cmd, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &run{keys: keys, args: args, turn: make(chan []*run, 1)}
	b.mu.Lock()
	if b.flying < flights { // then nobody is pending
		b.flying++
		b.mu.Unlock()
		b.fly(ctx, []*run{r})
		return r.reply, nil
	}
	b.pending = append(b.pending, r)
	b.mu.Unlock()

	var runs []*run
	select {
	case runs = <-r.turn:
	case <-ctx.Done():
		if runs = b.withdraw(r); runs == nil {
			return nil, ctx.Err()
		}
	}
	if runs != nil {
		b.fly(ctx, runs)
	}
	return r.reply, nil
}

// withdraw takes back a run that nobody has sent. It returns the batch to send when, at the same time, that became the caller's turn.
func (b *batch) withdraw(r *run) []*run {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case runs := <-r.turn:
		return runs
	default:
	}
	b.pending = slices.DeleteFunc(b.pending, func(p *run) bool { return p == r })
	return nil
}

// fly sends runs, the first of which is the caller's, and leaves those who came meanwhile to the first of them.
func (b *batch) fly(ctx context.Context, runs []*run) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTime)
	defer cancel()
	runAll(ctx, b.client, b.script, runs)
	for _, r := range runs[1:] {
		r.turn <- nil
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(flightSize, len(b.pending))
	if n == 0 {
		b.flying--
		return
	}
	next := slices.Clone(b.pending[:n])
	b.pending = slices.Delete(b.pending, 0, n)
	next[0].turn <- next
}

// runAll runs the script for all runs in one round trip, or two when the server does not know the script. Each run has its own reply or error.
func runAll(ctx context.Context, client redis.UniversalClient, script *redis.Script, runs []*run) {
	for again := false; ; again = true {
		_, _ = client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, r := range runs {
				r.reply = script.EvalSha(ctx, pipe, r.keys, r.args...)
			}
			return nil
		})
		unknown := slices.DeleteFunc(slices.Clone(runs), func(r *run) bool { return !redis.HasErrorPrefix(r.reply.Err(), "NOSCRIPT") })
		if again || len(unknown) == 0 || script.Load(ctx, client).Err() != nil {
			return
		}
		runs = unknown
	}
}
