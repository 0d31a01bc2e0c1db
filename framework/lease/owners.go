package lease

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
)

// A Binding says who owns a key: this boot of this node, under this epoch.
type Binding struct {
	Node  id.Node
	Boot  id.Boot
	Epoch uint64
}

const (
	// tombstoneTTL is for how long an unbound key remembers its epoch, so that an older holder that was paused cannot bind it again.
	tombstoneTTL = time.Hour
	// livenessTTL is for how long a lookup believes what it last heard of a node's lease. A crash is noticed this much later, and a lookup of a
	// node's next key needs one round trip instead of two.
	livenessTTL = 250 * time.Millisecond
)

// Owners says who owns each key of one kind, such as players. It is safe for concurrent use.
type Owners struct {
	stores *store.Stores
	kind   string

	mu    sync.Mutex
	alive map[id.Node]liveness // one entry a node that ever owned a key looked up here: at most 65,535
}

// liveness is the boot that held a node's lease at a time.
type liveness struct {
	boot id.Boot
	at   time.Time
}

// NewOwners looks after the owners of one kind of keys, such as "player".
func NewOwners(stores *store.Stores, kind string) *Owners {
	return &Owners{stores: stores, kind: kind, alive: map[id.Node]liveness{}}
}

func (o *Owners) key(key int64) string {
	return o.stores.Key("owner", o.kind, "{"+strconv.FormatInt(key, 10)+"}")
}

// Lookup returns who owns key now; false when nobody does, because it is not bound or its node's lease has ended or belongs to another boot.
func (o *Owners) Lookup(ctx context.Context, key int64) (Binding, bool, error) {
	text, err := o.stores.Redis().Get(ctx, o.key(key)).Result()
	if errors.Is(err, redis.Nil) {
		return Binding{}, false, nil
	}
	if err != nil {
		return Binding{}, false, fmt.Errorf("lease: look up owner of %s %d: %w", o.kind, key, err)
	}
	b, err := parseBinding(text)
	if err != nil {
		return Binding{}, false, fmt.Errorf("lease: look up owner of %s %d: %w", o.kind, key, err)
	}
	if b.Node == 0 { // a tombstone
		return Binding{}, false, nil
	}
	alive, err := o.isAlive(ctx, b.Node, b.Boot)
	if err != nil {
		return Binding{}, false, fmt.Errorf("lease: look up lease of node %v: %w", b.Node, err)
	}
	if !alive {
		return Binding{}, false, nil
	}
	return b, true, nil
}

// isAlive reports whether boot holds node's lease. Only good news is remembered, for [livenessTTL]: a node that has just come back is
// found at once.
func (o *Owners) isAlive(ctx context.Context, node id.Node, boot id.Boot) (bool, error) {
	o.mu.Lock()
	known := o.alive[node]
	o.mu.Unlock()
	if known.boot == boot && time.Since(known.at) < livenessTTL {
		return true, nil
	}
	at := time.Now()
	text, err := o.stores.Redis().Get(ctx, leaseKey(o.stores, node)).Result()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	holder, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return false, fmt.Errorf("not a boot: %q", text)
	}
	o.mu.Lock()
	o.alive[node] = liveness{boot: id.Boot(holder), at: at}
	o.mu.Unlock()
	return id.Boot(holder) == boot, nil
}

// bindScript binds unless the key has seen a newer epoch, or has the same one with another holder.
var bindScript = redis.NewScript(`
local held = redis.call('GET', KEYS[1])
if held then
	local epoch, mine = string.sub(held, 1, 20), string.sub(ARGV[1], 1, 20)
	if epoch > mine or (epoch == mine and held ~= ARGV[1]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1])
return 1`)

// Bind makes b the owner of key. It is [ErrFenced] when a newer epoch has been bound, or this one by another holder. Binding the same again
// changes nothing. b.Epoch comes from SQL, which gave it to nobody else.
//
// A binding stays until it is replaced or unbound; it counts only while its node's lease does.
func (o *Owners) Bind(ctx context.Context, key int64, b Binding) error {
	ok, err := bindScript.Run(ctx, o.stores.Redis(), []string{o.key(key)}, b.text()).Bool()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("lease: bind %s %d: %w", o.kind, key, err)
	}
	if !ok {
		return ErrFenced
	}
	return nil
}

// unbindScript leaves a tombstone in the place of a binding that is still the given one.
var unbindScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 0`)

// Unbind ends b, if it is still exactly b that owns key; otherwise it does nothing.
func (o *Owners) Unbind(ctx context.Context, key int64, b Binding) error {
	tombstone := Binding{Epoch: b.Epoch}
	err := unbindScript.Run(ctx, o.stores.Redis(), []string{o.key(key)}, b.text(), tombstone.text(), tombstoneTTL.Milliseconds()).Err()
	if err != nil {
		return fmt.Errorf("lease: unbind %s %d: %w", o.kind, key, err)
	}
	return nil
}

// ErrUnbound: it is not known who owns the key, as when Redis has lost it. Who does binds it again soon.
var ErrUnbound = fault.New(fault.Unavailable, "it is not known who owns this; try again")

// Confirm is for whoever is asked for something in an owner's name: nil if b is the binding of key, [ErrFenced] if another one is, or was the last, and
// [ErrUnbound] if there is none. That b's lease is good is for b to know: this says that nobody has taken the key from it.
func (o *Owners) Confirm(ctx context.Context, key int64, b Binding) error {
	text, err := o.stores.Redis().Get(ctx, o.key(key)).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return ErrUnbound
	case err != nil:
		return fmt.Errorf("lease: confirm owner of %s %d: %w", o.kind, key, err)
	case text != b.text():
		return ErrFenced
	}
	return nil
}

// text is "epoch node boot", the epoch first and padded, so that scripts can compare it.
func (b Binding) text() string {
	return padded(b.Epoch) + " " + b.Node.String() + " " + strconv.FormatUint(uint64(b.Boot), 10)
}

func parseBinding(text string) (Binding, error) {
	fields := strings.Split(text, " ")
	if len(fields) != 3 {
		return Binding{}, fmt.Errorf("not a binding: %q", text)
	}
	epoch, err1 := strconv.ParseUint(fields[0], 10, 64)
	node, err2 := strconv.ParseUint(fields[1], 10, 16)
	boot, err3 := strconv.ParseUint(fields[2], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return Binding{}, fmt.Errorf("not a binding: %q: %w", text, err)
	}
	return Binding{Node: id.Node(node), Boot: id.Boot(boot), Epoch: epoch}, nil
}
