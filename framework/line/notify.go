package line

import (
	"context"
	"errors"
	"sync"

	"loumiao/framework/actor"
)

// A notifier tells actors what they must not miss, from goroutines that must not wait. Usually that is a Tell. For an actor whose
// mailbox is full a goroutine waits in its stead, one for each such actor, with a queue that is as long as there are sessions it
// watches.
type notifier struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	backlog map[actor.Ref][]any
	wg      sync.WaitGroup
}

func newNotifier() *notifier {
	n := &notifier{backlog: map[actor.Ref][]any{}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

func (n *notifier) tell(ref actor.Ref, m any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if queue, busy := n.backlog[ref]; busy {
		n.backlog[ref] = append(queue, m)
		return
	}
	if err := ref.Tell(m); !errors.Is(err, actor.ErrMailboxFull) || n.ctx.Err() != nil {
		return // told, or there is nobody to tell
	}
	n.backlog[ref] = []any{m}
	n.wg.Go(func() { n.drain(ref) })
}

func (n *notifier) drain(ref actor.Ref) {
	for {
		n.mu.Lock()
		queue := n.backlog[ref]
		if len(queue) == 0 {
			delete(n.backlog, ref)
			n.mu.Unlock()
			return
		}
		n.backlog[ref] = queue[:0:0]
		n.mu.Unlock()
		for _, m := range queue {
			if ref.TellWait(n.ctx, m) != nil {
				break // stopped: it is the same for the rest
			}
		}
	}
}

// stop gives up on actors that are still full, and joins.
func (n *notifier) stop() {
	n.mu.Lock()
	n.cancel() // with the lock: no goroutine is started afterwards
	n.mu.Unlock()
	n.wg.Wait()
}
