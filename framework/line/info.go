package line

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"loumiao/framework/id"
)

// A SessionInfo is what a backend is told of a session that is attached to it.
type SessionInfo struct {
	// ID is the session. Never 0.
	ID id.Session
	// Stream is the number that the session's client knows the backend's type by. Never 0.
	Stream uint8
	// Type is the backend's type by name, at most 64 bytes: a node may serve several.
	Type string
	// Player is whose session it is. 0: it has shown no token.
	Player int64
	// Account is the player's account. 0 as above.
	Account int64
	// Area is the player's area. 0: none.
	Area uint16
	// Grace is how long the backend keeps the session for a client whose connection, or gate, broke. 0: not at all. In whole milliseconds.
	Grace time.Duration
	// Turn orders the connections of the session's player: what an earlier one still has under way has no effect after a later one.
	Turn uint64
	// Resets is how many Resets the client has been sent for this stream in this session: it tells the streams of one number apart.
	Resets uint32
	// Address is the client's own, as far as the gate knows. The zero value: it does not. It has no zone.
	Address netip.Addr
	// Way is how the client has shown who it is, in the game's words, at most 64 bytes; means nothing here.
	Way string
}

func (s SessionInfo) check() error {
	switch {
	case s.ID == 0:
		return fmt.Errorf("line: attach: no session")
	case s.Stream == 0:
		return fmt.Errorf("line: attach session %v: stream 0 is the gate itself", s.ID)
	case s.Type == "" || len(s.Type) > maxType:
		return fmt.Errorf("line: attach session %v: type %q must have 1 to %d bytes", s.ID, s.Type, maxType)
	case len(s.Way) > maxWay:
		return fmt.Errorf("line: attach session %v: a way of %d bytes is longer than %d", s.ID, len(s.Way), maxWay)
	case s.Address.Zone() != "":
		return fmt.Errorf("line: attach session %v: address %s has a zone", s.ID, s.Address)
	case s.Grace < 0 || s.Grace.Milliseconds() > math.MaxUint32:
		return fmt.Errorf("line: attach session %v: grace of %v", s.ID, s.Grace)
	}
	return nil
}
