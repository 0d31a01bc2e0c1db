package direct

import (
	"crypto/rand"
	"sync"
	"time"

	"loumiao/framework/fault"
)

// TicketSize is the size of a ticket, in bytes.
const TicketSize = 16

// A Ticket opens one line, once. It is no secret any more when it was used.
type Ticket [TicketSize]byte

// An Offer is what a client needs to open a line. It goes to him over his session, and to nobody else: whoever has it is him.
type Offer struct {
	Ticket Ticket
	// Up is the key of what the client sends, Down of what he is sent.
	Up, Down [KeySize]byte
	// Valid is how long the line can be opened.
	Valid time.Duration
}

// A Holder is whom a line is for.
type Holder struct {
	Player int64
	Room   int64 // whatever the line is about; for the node to say
}

// A ticket is an offer that was made.
type ticket struct {
	Offer
	holder Holder
	until  time.Time
}

// tickets is the offers that still stand: one a holder. It is safe for concurrent use.
type tickets struct {
	max   int
	valid time.Duration

	mu  sync.Mutex
	all map[Ticket]*ticket
	of  map[Holder]*ticket
}

func newTickets(most int, valid time.Duration) *tickets {
	return &tickets{max: most, valid: valid, all: map[Ticket]*ticket{}, of: map[Holder]*ticket{}}
}

// offer makes an offer, in place of an older one for the same holder.
func (t *tickets) offer(h Holder, now time.Time) (Offer, error) {
	made := &ticket{holder: h, until: now.Add(t.valid), Offer: Offer{Valid: t.valid}}
	_, _ = rand.Read(made.Ticket[:]) // never fails
	_, _ = rand.Read(made.Up[:])
	_, _ = rand.Read(made.Down[:])
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.of[h]; old != nil {
		t.remove(old)
	}
	if len(t.all) >= t.max {
		t.expire(now)
	}
	if len(t.all) >= t.max {
		return Offer{}, fault.New(fault.Overloaded, "too many direct lines are about to be opened")
	}
	t.all[made.Ticket], t.of[h] = made, made
	return made.Offer, nil
}

// look is the offer that a ticket is of, or nil. It stands until it is taken.
func (t *tickets) look(id Ticket, now time.Time) *ticket {
	t.mu.Lock()
	defer t.mu.Unlock()
	if found := t.all[id]; found != nil && now.Before(found.until) {
		return found
	}
	return nil
}

// take uses an offer up. false: it does not stand any more.
func (t *tickets) take(offer *ticket) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all[offer.Ticket] != offer {
		return false
	}
	t.remove(offer)
	return true
}

// expire forgets the offers whose time is over. It is called with the lock.
func (t *tickets) expire(now time.Time) {
	for _, offer := range t.all {
		if !now.Before(offer.until) {
			t.remove(offer)
		}
	}
}

func (t *tickets) remove(offer *ticket) {
	delete(t.all, offer.Ticket)
	delete(t.of, offer.holder)
}

func (t *tickets) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}
