package gate

import (
	"context"
	"sync"
)

// onlyGate is the registry of a gate that is alone.
type onlyGate struct {
	mu      sync.Mutex
	holders map[int64]Holder
}

func (o *onlyGate) Claim(_ context.Context, player int64, h Holder) (*Holder, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.exchange(player, h), nil
}

func (o *onlyGate) Reclaim(_ context.Context, player int64, h Holder) (*Holder, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if other, held := o.holders[player]; held && other.Session != h.Session {
		return &other, false, nil
	}
	return o.exchange(player, h), true, nil
}

func (o *onlyGate) exchange(player int64, h Holder) *Holder {
	previous, held := o.holders[player]
	o.holders[player] = h
	if !held {
		return nil
	}
	return &previous
}

func (o *onlyGate) Release(_ context.Context, player int64, h Holder) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.holders[player] == h {
		delete(o.holders, player)
	}
	return nil
}
