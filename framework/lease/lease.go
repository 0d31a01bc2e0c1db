package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
)

// ErrReplaced: a newer boot of the same node holds the lease. This process stops.
var ErrReplaced = fault.New(fault.Fenced, "a newer boot of this node is running")

// A Lease says that a node is alive. One goroutine renews it between Start and Stop. Methods are safe for concurrent use; OnLost and
// OnRegained are called before Start.
type Lease struct {
	stores *store.Stores
	boot   id.Boot
	node   id.Node
	cfg    Config
	log    *slog.Logger
	key    string

	onLost, onRegained []func()

	born  time.Time    // base of the monotonic times below
	until atomic.Int64 // the lease is valid until this long after born, in nanoseconds; 0 before Start and after the end
	done  chan struct{}
	end   sync.Once

	mu      sync.Mutex
	cancel  context.CancelFunc // of the renewing goroutine; nil before Start
	renewer sync.WaitGroup
}

// New makes the lease of one boot of a node, not yet held. cfg must be valid.
func New(stores *store.Stores, node id.Node, boot id.Boot, cfg Config, log *slog.Logger) *Lease {
	return &Lease{
		stores: stores, node: node, boot: boot, cfg: cfg.withDefaults(), log: log,
		key:  leaseKey(stores, node),
		born: time.Now(), done: make(chan struct{}),
	}
}

func leaseKey(stores *store.Stores, node id.Node) string {
	return stores.Key("lease", "{"+node.String()+"}")
}

// OnLost has fn called each time that the lease stops being valid, except by Stop: renewals have failed for too long, or a newer boot has
// replaced this one. fn must stop whatever acts in the node's name, and return soon. It runs on the renewing goroutine.
func (l *Lease) OnLost(fn func()) { l.onLost = append(l.onLost, fn) }

// OnRegained has fn called when the lease is held anew after Redis had lost it: expired, or flushed with everything else. Bindings
// may be gone too: owners bind what they own again (which is refused for what somebody took meanwhile). It runs on the renewing goroutine.
func (l *Lease) OnRegained(fn func()) { l.onRegained = append(l.onRegained, fn) }

// Valid reports whether the node may act: by its own monotonic clock, until the last successful renewal plus TTL minus margin.
func (l *Lease) Valid() bool { return int64(time.Since(l.born)) < l.until.Load() }

// Done is closed when the lease is over for good: stopped, or replaced by a newer boot.
func (l *Lease) Done() <-chan struct{} { return l.done }

// Start takes the lease, from an older boot of the same node if need be, and keeps it until Stop. It fails with [ErrReplaced] when a newer
// boot has it. ctx bounds only the taking.
func (l *Lease) Start(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil || l.over() {
		return errors.New("lease: started twice, or after it was stopped")
	}
	if err := l.take(ctx); err != nil {
		return fmt.Errorf("lease: take the lease of node %v: %w", l.node, err)
	}
	running, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.renewer.Go(func() { l.keep(running) })
	return nil
}

// take renews for the first time, and again when Redis does not say anything for as long as a renewal may take: it may have been about to.
func (l *Lease) take(ctx context.Context) error {
	for {
		began := time.Now()
		_, err := l.renew(ctx)
		if err == nil || errors.Is(err, ErrReplaced) || ctx.Err() != nil || time.Since(began) < l.cfg.Renew {
			return err
		}
	}
}

// Stop gives the lease up, so that others need not wait for its end, and joins the renewing goroutine. Stopping again, or before Start,
// does nothing. When it fails, the lease ends by itself after its TTL.
func (l *Lease) Stop(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel == nil {
		l.finish()
		return nil
	}
	over := l.over() // stopped before, or replaced: there is nothing to release
	l.cancel()
	l.renewer.Wait()
	l.finish()
	if over {
		return nil
	}
	if err := deleteScript.Run(ctx, l.stores.Redis(), []string{l.key}, l.value()).Err(); err != nil {
		return fmt.Errorf("lease: release the lease of node %v: %w", l.node, err)
	}
	return nil
}

func (l *Lease) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// finish ends the lease for good.
func (l *Lease) finish() {
	l.until.Store(0)
	l.end.Do(func() { close(l.done) })
}

// value is the boot, so long that texts compare as numbers do.
func (l *Lease) value() string { return padded(uint64(l.boot)) }

// padded writes n in 20 digits, because Lua's numbers are exact only to 2^53.
func padded(n uint64) string {
	s := strconv.FormatUint(n, 10)
	return "00000000000000000000"[len(s):] + s
}

// renewScript takes or prolongs a lease unless a newer boot has it. 0: replaced; 1: prolonged; 2: newly taken.
var renewScript = redis.NewScript(`
local held = redis.call('GET', KEYS[1])
if held and held > ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if held == ARGV[1] then return 1 end
return 2`)

// deleteScript deletes a key that still has the given value.
var deleteScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`)

// renew prolongs the lease, and reports whether Redis had lost it.
func (l *Lease) renew(ctx context.Context) (anew bool, err error) {
	began := time.Since(l.born) // the lease counts from before the call: Redis set it some time between now and the answer
	patience := l.cfg.Renew
	if left := time.Duration(l.until.Load()) - began; left > 0 {
		patience = min(patience, left) // back in time to tell that the lease is lost
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	state, err := renewScript.Run(ctx, l.stores.Redis(), []string{l.key}, l.value(), l.cfg.TTL.Milliseconds()).Int()
	if err != nil {
		return false, err
	}
	if state == 0 {
		return false, ErrReplaced
	}
	l.until.Store(int64(began + l.cfg.TTL - l.cfg.Margin))
	return state == 2, nil
}

// keep renews the lease until ctx ends or a newer boot replaces it.
func (l *Lease) keep(ctx context.Context) {
	ticker := time.NewTicker(l.cfg.Renew)
	defer ticker.Stop()
	lost := false
	for {
		var expired <-chan time.Time // while renewals fail, the end of the lease may come between two of them
		if !lost {
			expired = time.After(time.Duration(l.until.Load()) - time.Since(l.born))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-expired:
		}
		if !lost && !l.Valid() {
			lost = true
			l.log.Warn("lease lost: this node stops acting until it is renewed", "node", l.node, "ttl", l.cfg.TTL)
			call(l.onLost)
		}
		anew, err := l.renew(ctx)
		switch {
		case errors.Is(err, ErrReplaced):
			l.log.Error("lease lost: a newer boot of this node is running", "node", l.node, "boot", l.boot)
			l.finish()
			if !lost {
				call(l.onLost)
			}
			return
		case ctx.Err() != nil:
			return
		case err != nil:
			l.log.Warn("lease not renewed", "node", l.node, "err", err)
			continue
		}
		if anew || lost {
			l.log.Warn("lease held anew: Redis had lost it, or did not answer", "node", l.node)
			lost = false
			call(l.onRegained)
		}
	}
}

func call(fns []func()) {
	for _, fn := range fns {
		fn()
	}
}
