package match

import (
	"slices"

	"loumiao/game/api"
)

// waiting is a matcher's picture of its pool: what it has read and not seen leave. Tickets that were cancelled stay in it until a claim or the
// next reading of the whole pool finds them gone.
type waiting struct {
	tickets []Ticket // by age
	known   map[api.TicketID]struct{}
}

func (w *waiting) clear() { *w = waiting{} }

func (w *waiting) add(tickets []Ticket) {
	if w.known == nil {
		w.known = make(map[api.TicketID]struct{}, len(tickets))
	}
	sorted := true
	for _, t := range tickets {
		if _, ok := w.known[t.ID]; ok {
			continue
		}
		w.known[t.ID] = struct{}{}
		sorted = sorted && (len(w.tickets) == 0 || older(w.tickets[len(w.tickets)-1], t) < 0)
		w.tickets = append(w.tickets, t)
	}
	if !sorted { // some came back, older than the last
		slices.SortFunc(w.tickets, older)
	}
}

func (w *waiting) remove(tickets []Ticket) {
	if len(tickets) == 0 {
		return
	}
	for _, t := range tickets {
		delete(w.known, t.ID)
	}
	w.tickets = slices.DeleteFunc(w.tickets, func(t Ticket) bool {
		_, ok := w.known[t.ID]
		return !ok
	})
}

// replace makes tickets the whole picture, and returns those that are not in it any more.
func (w *waiting) replace(tickets []Ticket) (gone []Ticket) {
	old := w.tickets
	w.clear()
	w.add(tickets)
	for _, t := range old {
		if _, ok := w.known[t.ID]; !ok {
			gone = append(gone, t)
		}
	}
	return gone
}

// players is how many players wait.
func (w *waiting) players() int {
	n := 0
	for _, t := range w.tickets {
		n += t.size()
	}
	return n
}

// expired is the tickets that have waited longer than ttl milliseconds, at most limit of them.
func (w *waiting) expired(now, ttl int64, limit int) []Ticket {
	n := 0
	for n < min(limit, len(w.tickets)) && now-w.tickets[n].Joined > ttl {
		n++
	}
	return slices.Clone(w.tickets[:n])
}
