package match

import (
	"fmt"
	"strconv"
	"strings"

	"loumiao/game/api"
)

// MaxParty is how many players can have one ticket.
const MaxParty = 8

// A Ticket is the wish to play of one player, or of a party, which stays together. It never changes while it waits.
type Ticket struct {
	ID     api.TicketID
	Player api.PlayerID               // who has asked
	Mates  [MaxParty - 1]api.PlayerID // the others of his party; those behind the last are 0
	Rating int32                      // see PartyRating
	Joined int64                      // milliseconds since 1970 by Redis's clock; a ticket that is put back keeps it
}

// PartyRating is what a party of players with these ratings counts as: half-way between their mean and their best, who carries the others. One player
// counts as himself. It must not be empty.
func PartyRating(ratings []int32) int32 {
	sum, best := int64(0), ratings[0]
	for _, r := range ratings {
		sum, best = sum+int64(r), max(best, r)
	}
	return int32((sum/int64(len(ratings)) + int64(best)) / 2)
}

// size is how many players the ticket has.
func (t Ticket) size() int {
	n := 1
	for n <= len(t.Mates) && t.Mates[n-1] != 0 {
		n++
	}
	return n
}

// players is who the ticket is of, who has asked first.
func (t Ticket) players() []api.PlayerID {
	return append([]api.PlayerID{t.Player}, t.Mates[:t.size()-1]...)
}

// party is the ticket of these players, of whom the first has asked; not more than MaxParty.
func (t Ticket) party(players []api.PlayerID) Ticket {
	t.Player = players[0]
	clear(t.Mates[copy(t.Mates[:], players[1:]):])
	return t
}

// each is the tickets with everybody of a party in turn as their player: whom there is something to tell.
func each(tickets []Ticket) []Ticket {
	out := make([]Ticket, 0, len(tickets))
	for _, t := range tickets {
		for _, p := range t.players() {
			t.Player = p
			out = append(out, t)
		}
	}
	return out
}

// A Group is tickets that go into one match together.
type Group []Ticket

// String is the ticket as it stands in Redis: id:player:rating:joined, or id:player+player:rating:joined for a party.
func (t Ticket) String() string {
	b := make([]byte, 0, 64)
	b = strconv.AppendInt(b, int64(t.ID), 10)
	b = append(b, ':')
	b = t.appendPlayers(b)
	b = append(b, ':')
	b = strconv.AppendInt(b, int64(t.Rating), 10)
	b = append(b, ':')
	b = strconv.AppendInt(b, t.Joined, 10)
	return string(b)
}

func (t Ticket) appendPlayers(b []byte) []byte {
	b = strconv.AppendInt(b, int64(t.Player), 10)
	for _, p := range t.Mates[:t.size()-1] {
		b = append(b, '+')
		b = strconv.AppendInt(b, int64(p), 10)
	}
	return b
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
	players, err2 := parsePlayers(player)
	r, err3 := strconv.ParseInt(rating, 10, 32)
	j, err4 := strconv.ParseInt(joined, 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return t, fmt.Errorf("%q is not a ticket", s)
	}
	return Ticket{ID: api.TicketID(i), Rating: int32(r), Joined: j}.party(players), nil
}

func parsePlayers(s string) ([]api.PlayerID, error) {
	words := strings.Split(s, "+")
	if len(words) > MaxParty {
		return nil, fmt.Errorf("a party of %d players", len(words))
	}
	players := make([]api.PlayerID, len(words))
	for i, word := range words {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || i > 0 && n == 0 {
			return nil, fmt.Errorf("%q is not a player", word)
		}
		players[i] = api.PlayerID(n)
	}
	return players, nil
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
