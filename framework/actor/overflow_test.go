package actor_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
)

// A mailboxModel is what a serial actor does with its messages, plainly: one in the handler, some in the hands of its turn, a bounded queue, and
// those who wait for room. Its turn takes all that is queued at once when it has nothing in hand.
type mailboxModel struct {
	capacity int
	now      int // seconds
	stopped  bool
	handling *modelled
	hand     []modelled
	queue    []modelled
	waiting  []modelled
	fates    map[int]string // of each message, by number: how the sender's call ended, and then what became of it
	handled  []int
	expired  int
	rejected int
}

type modelled struct{ n, until int } // until: handled no later than then; 0 is always

func (m *mailboxModel) tell(msg modelled) {
	switch {
	case m.stopped:
		m.fates[msg.n] = "unavailable"
	case len(m.queue) >= m.capacity:
		m.fates[msg.n] = "overloaded"
		m.rejected++
	default:
		m.fates[msg.n] = "queued"
		m.queue = append(m.queue, msg)
		m.settle()
	}
}

func (m *mailboxModel) wait(msg modelled) {
	if !m.stopped && len(m.queue) >= m.capacity {
		m.fates[msg.n] = "waiting"
		m.waiting = append(m.waiting, msg)
		return
	}
	m.tell(msg)
}

func (m *mailboxModel) giveUp(i int) {
	m.fates[m.waiting[i].n] = "cancelled"
	m.waiting = slices.Delete(m.waiting, i, i+1)
	m.rejected++
}

func (m *mailboxModel) stop() {
	m.stopped = true
	for _, w := range m.waiting {
		m.fates[w.n] = "unavailable"
	}
	m.waiting = nil
}

func (m *mailboxModel) finish() {
	m.handled = append(m.handled, m.handling.n)
	m.handling = nil
	m.settle()
}

// settle goes on until a handler runs or there is nothing to do.
func (m *mailboxModel) settle() {
	for m.handling == nil && len(m.hand)+len(m.queue) > 0 {
		if len(m.hand) == 0 {
			m.hand, m.queue = m.queue, nil
			for len(m.waiting) > 0 && len(m.queue) < m.capacity {
				m.fates[m.waiting[0].n] = "queued"
				m.queue, m.waiting = append(m.queue, m.waiting[0]), m.waiting[1:]
			}
		}
		msg := m.hand[0]
		m.hand = m.hand[1:]
		if msg.until != 0 && m.now > msg.until {
			m.fates[msg.n] = "deadline"
			m.expired++
			continue
		}
		m.handling = &msg
	}
}

// TestRandomOverflow drives an actor and its model through the same random steps: a full mailbox refuses, lets wait in turn, or answers what has
// waited for too long, exactly as said.
func TestRandomOverflow(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) { overflow(t, seed) })
	}
}

func overflow(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	sys, _ := setup(t, actor.Config{SlowHandler: -1})
	model := &mailboxModel{capacity: 1 + rng.IntN(6), fates: map[int]string{}}
	var mu sync.Mutex // senders end at the same moment
	fates := map[int]string{}
	var handled []int
	step := make(chan struct{})
	letGo := sync.OnceFunc(func() { close(step) })
	defer letGo()
	b := actor.NewBehavior[struct{}]()
	actor.HandleTell(b, func(_ *struct{}, _ *actor.Context, m *add) error {
		<-step
		handled = append(handled, m.n)
		return nil
	})
	ref := must[actor.Ref](t)(actor.Spawn(sys, "", b, &struct{}{}, actor.Options{Mailbox: model.capacity}))
	fate := func(n int, err error) {
		mu.Lock()
		defer mu.Unlock()
		fates[n] = "queued"
		if err != nil {
			fates[n] = fault.CodeOf(err).String()
		}
	}
	giveUp := map[int]context.CancelFunc{}
	began := time.Now()
	var steps []string
	for n := range 120 {
		what := ""
		switch op := rng.IntN(20); {
		case op < 6:
			what = "tell"
			fate(n, ref.Tell(&add{n}))
			model.tell(modelled{n: n})
		case op < 9:
			what = "deliver with a deadline"
			until := model.now + rng.IntN(3) + 1
			// What is queued at its deadline is answered later; the call itself ends like a tell.
			err := ref.Deliver(&add{n}, answerTo(func(_ any, err error) {
				if err != nil {
					fate(n, err)
				}
			}), began.Add(time.Duration(until)*time.Second+time.Second/2))
			fate(n, err)
			model.tell(modelled{n: n, until: until})
		case op < 12:
			what = "tell and wait"
			ctx, cancel := context.WithCancel(context.Background())
			giveUp[n] = cancel
			mu.Lock()
			fates[n] = "waiting"
			mu.Unlock()
			go func() { fate(n, ref.TellWait(ctx, &add{n})) }()
			synctest.Wait()
			model.wait(modelled{n: n})
		case op < 13 && len(model.waiting) > 0:
			what = "give up waiting"
			i := rng.IntN(len(model.waiting))
			giveUp[model.waiting[i].n]()
			model.giveUp(i)
		case op < 18 && model.handling != nil:
			what = "finish one"
			step <- struct{}{}
			model.finish()
		case op < 19:
			what = "a second passes"
			time.Sleep(time.Second)
			model.now++
		case op == 19 && n > 60:
			what = "stop"
			ref.Stop()
			model.stop()
		}
		synctest.Wait()
		steps = append(steps, fmt.Sprint(n, " ", what))
		if !maps.Equal(fates, model.fates) || !slices.Equal(handled, model.handled) {
			t.Fatalf("seed %d, mailbox of %d, after %q:\n got %v, handled %v\nwant %v, handled %v",
				seed, model.capacity, steps, fates, handled, model.fates, model.handled)
		}
		if n%20 != 0 {
			continue
		}
		if got := gather(t, sys)["mailbox_depth{struct {}}"]; got != float64(len(model.queue)) {
			t.Fatalf("seed %d, after %q: the metrics say that %v are queued; want %d", seed, steps, got, len(model.queue))
		}
	}
	ref.Stop()
	model.stop()
	letGo()
	<-ref.Done()
	for model.handling != nil {
		model.finish()
	}
	synctest.Wait()
	for _, cancel := range giveUp {
		cancel()
	}
	if !maps.Equal(fates, model.fates) || !slices.Equal(handled, model.handled) {
		t.Errorf("seed %d, at the end:\n got %v, handled %v\nwant %v, handled %v", seed, fates, handled, model.fates, model.handled)
	}
	got := gather(t, sys)
	for name, want := range map[string]int{
		"rejected_total{struct {}}": model.rejected, "expired_total{struct {}}": model.expired,
		"handled_total{struct {},actor_test.add}": len(model.handled), "mailbox_depth{struct {}}": 0,
	} {
		if got[name] != float64(want) {
			t.Errorf("seed %d: %s is %v; want %d", seed, name, got[name], want)
		}
	}
	stop(t, sys)
}
