package charge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/store/order"
	"loumiao/game/store/player"
	"loumiao/web/charge/pay"
)

// errCrash is what a step that a node died at leaves behind.
var errCrash = errors.New("the node died here")

var discard = slog.New(slog.DiscardHandler)

// A reaper decides at which step a node dies. A death after a step is one before its answer is seen.
type reaper struct {
	mu     sync.Mutex
	random *rand.Rand
	odds   float64
	deaths int
}

func (r *reaper) strikes() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	hit := r.random.Float64() < r.odds
	if hit {
		r.deaths++
	}
	return hit
}

// step does something that a node may die before or after.
func step[T any](r *reaper, do func() (T, error)) (T, error) {
	var none T
	if r.strikes() {
		return none, errCrash
	}
	v, err := do()
	if r.strikes() {
		return none, errCrash
	}
	return v, err
}

// mortal is the orders' store as a node sees it that dies all the time.
type mortal struct {
	*order.Store
	r *reaper
}

func (m mortal) Receive(ctx context.Context, e order.Event) (order.Stored, error) {
	return step(m.r, func() (order.Stored, error) { return m.Store.Receive(ctx, e) })
}

func (m mortal) Settle(ctx context.Context, id order.EventID) (order.Settled, error) {
	return step(m.r, func() (order.Settled, error) { return m.Store.Settle(ctx, id) })
}

func (m mortal) Claim(ctx context.Context, limit int, lease time.Duration) ([]order.Work, error) {
	return step(m.r, func() ([]order.Work, error) { return m.Store.Claim(ctx, limit, lease) })
}

type begun struct {
	o  order.Order
	ok bool
}

func (m mortal) StartGrant(ctx context.Context, w order.Work) (order.Order, bool, error) {
	b, err := step(m.r, func() (begun, error) {
		o, ok, err := m.Store.StartGrant(ctx, w)
		return begun{o, ok}, err
	})
	return b.o, b.ok, err
}

func (m mortal) StartRevoke(ctx context.Context, w order.Work) (order.Order, bool, error) {
	b, err := step(m.r, func() (begun, error) {
		o, ok, err := m.Store.StartRevoke(ctx, w)
		return begun{o, ok}, err
	})
	return b.o, b.ok, err
}

func (m mortal) Granted(ctx context.Context, w order.Work) (order.Order, error) {
	return step(m.r, func() (order.Order, error) { return m.Store.Granted(ctx, w) })
}

func (m mortal) Revoked(ctx context.Context, w order.Work, sum int64, debt order.Goods) (order.Order, error) {
	return step(m.r, func() (order.Order, error) { return m.Store.Revoked(ctx, w, sum, debt) })
}

func (m mortal) Done(ctx context.Context, w order.Work) error {
	_, err := step(m.r, func() (bool, error) { return true, m.Store.Done(ctx, w) })
	return err
}

func (m mortal) Postpone(ctx context.Context, w order.Work, wait time.Duration, why string) error {
	_, err := step(m.r, func() (bool, error) { return true, m.Store.Postpone(ctx, w, wait, why) })
	return err
}

// mortalGoods is the goods as such a node sees them.
type mortalGoods struct {
	Goods
	r *reaper
}

func (g mortalGoods) Give(ctx context.Context, p int64, key string, goods order.Goods) error {
	_, err := step(g.r, func() (bool, error) { return true, g.Goods.Give(ctx, p, key, goods) })
	return err
}

func (g mortalGoods) TakeBack(ctx context.Context, p int64, key, given string, goods order.Goods) (order.Goods, error) {
	return step(g.r, func() (order.Goods, error) { return g.Goods.TakeBack(ctx, p, key, given, goods) })
}

// truth is what has happened to an order at its provider. What must come of it does not depend on when who was told.
type truth struct {
	o                                       order.Order
	paid, half, refunded, disputed, cleared bool
}

// Random callbacks, duplicated, late, out of order, forged and replayed, at nodes that die between all steps, and several at once; then everything is
// left alone until it has settled.
func TestExactlyOnce(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 2))
		r := &reaper{random: rand.New(rand.NewPCG(seed, 3)), odds: 0.15}
		nodes := []*Service{New(s.Deps), New(s.Deps), New(s.Deps)}
		for _, n := range nodes {
			m := mortal{Store: s.Orders, r: r}
			n.Log, n.cashier.log, n.courier.log, n.auditor.log = discard, discard, discard, discard
			n.cashier.events, n.courier.outbox, n.auditor.events = m, m, m
			n.courier.goods = mortalGoods{s.Goods, r}
		}
		const players = 3
		var orders []*truth
		for p := range int64(players) {
			s.born(p + 1)
			for range 5 {
				o := s.find(s.order(p+1, ""))
				orders = append(orders, &truth{o: o})
			}
		}
		var sent []callback
		for range 150 {
			switch n := random.IntN(10); {
			case n < 5:
				sent = append(sent, s.happen(random, orders[random.IntN(len(orders))])...)
			case n < 6:
				s.spend(random)
			case n < 7:
				s.pass(time.Duration(random.IntN(40)) * time.Second)
			default:
				var busy sync.WaitGroup
				for _, node := range nodes {
					busy.Go(func() { // what fails is done again some time
						_ = node.cashier.settle(t.Context())
						_ = node.courier.deliver(t.Context())
					})
				}
				busy.Wait()
				if random.IntN(4) == 0 {
					_ = nodes[0].auditor.audit(t.Context())
				}
			}
			sent = s.arrive(random, nodes[random.IntN(len(nodes))], sent)
		}
		r.odds = 0
		for len(sent) > 0 {
			sent = s.arrive(random, nodes[0], sent)
		}
		for range 20 {
			s.pass(postponeMost)
			s.work()
			s.audit()
		}
		if r.deaths < 20 {
			t.Errorf("only %d deaths", r.deaths)
		}
		s.settled(orders)
	})
}

// A callback is one on its way; an honest provider sends it until it is taken.
type callback struct {
	signature string
	body      []byte
	honest    bool
}

// happen has something happen to an order, and is the callbacks that are sent of it.
func (s *setup) happen(random *rand.Rand, o *truth) []callback {
	action := []string{"pay", "pay", "pay", "refund", "refund_half", "dispute", "clear"}[random.IntN(7)]
	sender, honest := s.box, true
	at := s.clock()
	switch random.IntN(8) {
	case 0: // forged
		sender, honest = pay.Sandbox{Secrets: []string{"secret of a stranger"}}, false
	case 1: // a replay of what was signed long ago
		at, honest = at.Add(-2*pay.Tolerance), false
	}
	amount := o.o
	if random.IntN(10) == 0 && action == "pay" { // nothing that we would take
		amount.Price--
	} else if honest {
		switch action {
		case "pay":
			o.paid = true
		case "refund":
			o.refunded = true
		case "refund_half":
			o.half = true
		case "dispute":
			o.disputed = true
		case "clear":
			o.cleared = true
		}
	}
	signature, body, err := sender.Press(amount, action, at)
	if err != nil {
		s.t.Fatal(err)
	}
	if amount.Price != o.o.Price { // or it would count as the event that is told with the right amount
		body = []byte(fmt.Sprintf(`{"id":"wrong_%d","action":"pay","order":"%d","amount":%d,"currency":"USD"}`, random.Int64(), o.o.ID, amount.Price))
		signature = pay.Sign(sender.Secrets[0], at, body)
	}
	c := callback{signature, body, honest}
	if random.IntN(3) == 0 {
		return []callback{c, c}
	}
	return []callback{c}
}

// arrive takes some callback in, which is not the oldest, and keeps it if it is to be sent again.
func (s *setup) arrive(random *rand.Rand, node *Service, sent []callback) []callback {
	if len(sent) == 0 {
		return nil
	}
	i := random.IntN(len(sent))
	c := sent[i]
	if c.honest { // a provider signs anew each time that it tells something
		c.signature = pay.Sign(s.box.Secrets[0], s.clock(), c.body)
	}
	event, err := s.box.Callback(func(string) string { return c.signature }, c.body, s.clock())
	if err == nil {
		_, err = node.cashier.events.Receive(s.t.Context(), event)
	}
	switch {
	case !c.honest && !errors.Is(err, pay.ErrForged):
		s.t.Fatalf("a callback that is not signed as it should be: %v", err)
	case c.honest && err != nil && !errors.Is(err, errCrash):
		s.t.Fatalf("a good callback: %v", err)
	case errors.Is(err, errCrash):
		return sent
	}
	return append(sent[:i], sent[i+1:]...)
}

// spend has a player use up some of his gold, so that refunds do not find everything.
func (s *setup) spend(random *rand.Rand) {
	p := player.ID(random.IntN(3) + 1)
	_, err := s.players.Apply(s.t.Context(), player.Op{
		Key: fmt.Sprintf("shop:%d", random.Int64()), Player: p, Reason: "shop", Wallet: []player.Change{{Currency: player.Gold, Amount: -int64(random.IntN(150) + 1)}},
	})
	if err != nil && fault.CodeOf(err) != fault.FailedPrecondition {
		s.t.Fatal(err)
	}
}

// settled compares every order with the truth, and its goods with the ledger.
func (s *setup) settled(orders []*truth) {
	t := s.t
	t.Helper()
	for _, o := range orders {
		now, err := s.Orders.Find(t.Context(), o.o.ID)
		if err != nil {
			t.Fatal(err)
		}
		held := o.disputed && !o.cleared
		want := map[bool]order.State{true: order.Delivered, false: order.Expired}[o.paid]
		switch {
		case o.refunded:
			want = order.Refunded
		case held:
			want = order.Disputed
		}
		if now.State != want && (want != order.Expired || now.State != order.Pending) {
			t.Errorf("order is %s, want %s: %+v", now.State, want, *o)
		}
		given, ok, err := s.players.Changed(t.Context(), player.ID(now.Player), grantKey(now.ID))
		if err != nil {
			t.Fatal(err)
		}
		if ok == now.Granted.IsZero() || ok && (!o.paid || given.Wallet["gold"] != 100) || want == order.Delivered && !ok {
			t.Errorf("given %+v (%v) for %+v, granted %v", given, ok, *o, now.Granted)
		}
		back := int64(0)
		half := now.Price / 2
		for _, r := range [][2]int64{{0, now.Price}, {0, half}, {half, now.Price}} { // all at once, or one half and then the other
			part := now
			part.RevokedSum, part.RevokingSum = r[0], r[1]
			taken, _, err := s.players.Changed(t.Context(), player.ID(now.Player), refundKey(part))
			if err != nil {
				t.Fatal(err)
			}
			back -= taken.Wallet["gold"]
		}
		due := int64(0)
		switch {
		case ok && o.refunded:
			due = 100
		case ok && o.half:
			due = 100 * half / now.Price
		}
		if back+now.Debt.Wallet["gold"] != due {
			t.Errorf("taken %d for %+v, debt %+v; want %d", back, *o, now.Debt, due)
		}
	}
	if b, err := s.Orders.Backlog(t.Context()); err != nil || b != (order.Backlog{}) {
		t.Errorf("left over: %+v, %v", b, err)
	}
}
