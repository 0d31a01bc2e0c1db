package match

import (
	"fmt"
	"strconv"
	"strings"

	"loumiao/game/api"
)

// A Ticket is one player's wish to play. It never changes while it waits.
type Ticket struct {
	ID     api.TicketID
	Player api.PlayerID
	Rating int32
	Joined int64 // milliseconds since 1970 by Redis's clock; a ticket that is put back keeps it
}

// A Group is tickets that go into one match together.
type Group []Ticket

// String is the ticket as it stands in Redis: id:player:rating:joined.
func (t Ticket) String() string {
	b := make([]byte, 0, 64)
	b = strconv.AppendInt(b, int64(t.ID), 10)
	b = append(b, ':')
	b = strconv.AppendInt(b, int64(t.Player), 10)
	b = append(b, ':')
	b = strconv.AppendInt(b, int64(t.Rating), 10)
	b = append(b, ':')
	b = strconv.AppendInt(b, t.Joined, 10)
	return string(b)
}

// parseTicket reads what String wrote.
func parseTicket(s string) (Ticket, error) {
	var t Ticket
	id, rest, ok1 := strings.Cut(s, ":")
	player, rest, ok2 := strings.Cut(rest, ":")
	rating, joined, ok3 := strings.Cut(rest, ":")
	if !ok1 || !ok2 || !ok3 {
		return t, fmt.Errorf("%q is not a ticket", s)
	}
	i, err1 := strconv.ParseInt(id, 10, 64)
	p, err2 := strconv.ParseInt(player, 10, 64)
	r, err3 := strconv.ParseInt(rating, 10, 32)
	j, err4 := strconv.ParseInt(joined, 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return t, fmt.Errorf("%q is not a ticket", s)
	}
	return Ticket{ID: api.TicketID(i), Player: api.PlayerID(p), Rating: int32(r), Joined: j}, nil
}

// older orders tickets by age, and those of one millisecond by id.
func older(a, b Ticket) int {
	switch {
	case a.Joined != b.Joined:
		if a.Joined < b.Joined {
			return -1
		}
		return 1
	case a.ID < b.ID:
		return -1
	case a.ID > b.ID:
		return 1
	}
	return 0
}
