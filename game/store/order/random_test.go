package order

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// A model is what an order should be, kept as plainly as can be.
type model struct {
	begun, paid, refunded, disputed, cleared, granting, granted, revoked bool
	closed                                                               State // failed or expired, while that counts

	price, part     int64 // part of it that went back
	revoking, taken int64 // goods that are being taken back, and that are, by the part of the price
}

func (m *model) back() int64 {
	if m.refunded {
		return m.price
	}
	return m.part
}

// owes is whether goods are to be taken back.
func (m *model) owes() bool { return m.granted && !m.revoked && m.back() > m.taken }

func (m *model) held() bool { return m.disputed && !m.cleared }

func (m *model) state() State {
	switch {
	case m.revoked || m.refunded && !m.granting:
		return Refunded
	case m.granting && !m.granted:
		return Granting
	case m.held():
		return Disputed
	case m.granted:
		return Delivered
	case m.paid:
		return Paid
	case m.closed != "":
		return m.closed
	case m.begun:
		return Pending
	}
	return Created
}

// tell is what an event does. It must not know in which order they come.
func (m *model) tell(says Says, amount int64) {
	was := m.state()
	if says == SaysRefunded && amount < m.price {
		m.part = max(m.part, amount)
		return
	}
	switch says {
	case SaysPaid:
		m.paid = true
	case SaysRefunded, SaysLost:
		m.refunded = true
	case SaysDisputed:
		m.disputed = true
		if !m.cleared && (was == Failed || was == Expired || was == Created) {
			m.closed, m.begun = "", true // over a dispute it is forgotten how a payment seemed to end
		}
	case SaysCleared:
		m.cleared = true
	case SaysFailed, SaysExpired:
		if was == Created || was == Pending {
			m.closed = map[Says]State{SaysFailed: Failed, SaysExpired: Expired}[says]
		}
	}
}

// Random events and work, in any order and again, against the model.
func TestRandomLives(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		for life := range 12 {
			s.live(random, int64(life+1))
		}
	})
}

func (s *setup) live(random *rand.Rand, player int64) {
	t, ctx := s.t, s.t.Context()
	o := s.create(player)
	m := model{price: o.Price}
	var log []string
	var work []Work
	told := 0
	events := []Says{SaysPaid, SaysPaid, SaysPaid, SaysFailed, SaysExpired, SaysRefunded, SaysRefunded, SaysRefunded, SaysDisputed, SaysCleared, SaysLost, SaysOther}
	for range 25 {
		switch n := random.IntN(12); {
		case n < 5:
			e := paid(o, fmt.Sprintf("%d-%d", o.ID, told))
			if told > 0 && random.IntN(3) == 0 { // one that was told before
				e.ID = fmt.Sprintf("%d-%d", o.ID, random.IntN(told))
				s.tell(e)
				log = append(log, "again")
				break
			}
			told++
			e.Says = events[random.IntN(len(events))]
			if e.Says == SaysRefunded && random.IntN(3) > 0 {
				e.Amount = 1 + random.Int64N(o.Price)
			}
			s.tell(e)
			m.tell(e.Says, e.Amount)
			log = append(log, fmt.Sprint(e.Says, " ", e.Amount))
		case n < 6:
			must(s.Begun(ctx, o.ID, "c", "p"+o.ID.String(), ""))(t)
			m.begun = true
			log = append(log, "begun")
		case n < 7:
			must(s.GiveUp(ctx, o.ID, Expired, "late"))(t)
			m.tell(SaysExpired, 0)
			log = append(log, "given up")
		case n < 9:
			s.pass(2 * time.Minute) // so that leases end, and work is done twice
			for _, w := range s.claim() {
				if w.Order == o.ID { // and not of an earlier life
					work = append(work, w)
				}
			}
			log = append(log, "claim")
		case len(work) > 0:
			i := random.IntN(len(work))
			log = append(log, s.doOne(&m, work[i]))
		}
		s.compare(o, &m, log)
	}
}

// doOne does a step of claimed work, which may be done already.
func (s *setup) doOne(m *model, w Work) string {
	t, ctx := s.t, s.t.Context()
	before := m.state()
	switch w.Kind {
	case Grant:
		_, ok, err := s.StartGrant(ctx, w)
		if err != nil {
			t.Fatal(err)
		}
		if want := before == Paid || before == Granting; ok != want {
			t.Fatalf("StartGrant in state %s: %v", before, ok)
		}
		if ok {
			m.granting = true
			if w.Tries%2 == 0 { // otherwise it dies here
				must(s.Granted(ctx, w))(t)
				m.granted = true
			}
		}
	case Revoke:
		o, ok, err := s.StartRevoke(ctx, w)
		if err != nil {
			t.Fatal(err)
		}
		if want := m.owes(); ok != want {
			t.Fatalf("StartRevoke of %+v: %v", *m, ok)
		}
		if !ok {
			break
		}
		if m.revoking == m.taken {
			m.revoking = m.back()
		}
		if want := m.revoking - m.taken; o.RevokingSum-o.RevokedSum != want || o.Revoking().Wallet["gold"] != o.Goods.Wallet["gold"]*m.revoking/m.price-o.Goods.Wallet["gold"]*m.taken/m.price {
			t.Fatalf("goods for %d of the price are to be taken back: %+v, %+v", want, o, o.Revoking())
		}
		if w.Tries%2 == 0 { // otherwise it dies here
			for range 2 { // the second time it is over
				must(s.Revoked(ctx, w, o.RevokingSum, Goods{}))(t)
			}
			m.taken = m.revoking
			m.revoked = m.refunded && m.taken == m.price
		}
	case Dispute:
		if err := s.Done(ctx, w); err != nil {
			t.Fatal(err)
		}
	}
	return string(w.Kind)
}

func (s *setup) compare(o Order, m *model, log []string) {
	t, ctx := s.t, s.t.Context()
	t.Helper()
	now := must(s.Find(ctx, o.ID))(t)
	if now.State != m.state() {
		t.Fatalf("order is %s, want %s: %+v after %v", now.State, m.state(), *m, log)
	}
	var rows []outboxRow
	if err := s.db.Find(&rows, "order_id = ?", o.ID).Error; err != nil {
		t.Fatal(err)
	}
	has := map[Kind]bool{}
	for _, r := range rows {
		has[r.Kind] = true
	}
	if want := m.state() == Paid || m.state() == Granting; has[Grant] != want {
		t.Fatalf("grant due: %v, want %v: %+v after %v", has[Grant], want, *m, log)
	}
	if want := m.owes(); has[Revoke] != want {
		t.Fatalf("revocation due: %v, want %v: %+v after %v", has[Revoke], want, *m, log)
	}
	from := State("")
	for _, h := range must(s.History(ctx, o.ID))(t) {
		if h.From != from || from != "" && !allows(h.From, h.To) {
			t.Fatalf("history goes from %q to %q, after %q", h.From, h.To, from)
		}
		from = h.To
	}
}
