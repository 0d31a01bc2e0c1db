package gate

import (
	"context"
	"sync"
	"time"
)

// onlyGate is the registry of a gate that is alone.
type onlyGate struct {
	mu      sync.Mutex
	holders map[int64]Holder
	last    uint64 // turn that was given out, to whomever: it outlasts the holders
}

func (o *onlyGate) Claim(_ context.Context, player int64, h Holder, again bool) (turn uint64, previous *Holder, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if old, held := o.holders[player]; held {
		previous = &old
		if again && old.Session != h.Session {
			return 0, nil, ErrReplaced
		}
	}
	h.Turn = max(NextTurn(time.Now(), previous), o.last+1)
	o.last = h.Turn
	o.holders[player] = h
	return h.Turn, previous, nil
}

func (o *onlyGate) Release(_ context.Context, player int64, h Holder) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.holders[player] == h {
		delete(o.holders, player)
	}
	return nil
}
