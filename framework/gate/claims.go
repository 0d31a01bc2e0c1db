package gate

import (
	"sync"

	"loumiao/framework/fault"
	"loumiao/framework/id"
)

// claims is the claims to a player's session that are on their way. Between the registry's answer and the moment at which the connection can be found here by
// its turn, a later claim may already have it ended: what then finds nobody is kept for the claim, so that not both of them open.
type claims struct {
	mu      sync.Mutex
	pending map[id.Session]int
	missed  map[claim]*fault.Error
}

// A claim is one connection of a session.
type claim struct {
	session id.Session
	turn    uint64
}

// begin is before the registry is asked, and end after the connection can be found.
func (c *claims) begin(session id.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending == nil {
		c.pending, c.missed = map[id.Session]int{}, map[claim]*fault.Error{}
	}
	c.pending[session]++
}

// end says why the connection was to be ended meanwhile; nil if it was not.
func (c *claims) end(session id.Session, turn uint64) *fault.Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	why := c.missed[claim{session, turn}]
	if c.pending[session]--; c.pending[session] == 0 {
		delete(c.pending, session)
		for other := range c.missed {
			if other.session == session {
				delete(c.missed, other)
			}
		}
	}
	return why
}

// miss keeps that a connection is to be ended, if one of its session may be about to appear. It comes before it is looked for.
func (c *claims) miss(session id.Session, turn uint64, why *fault.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending[session] > 0 {
		c.missed[claim{session, turn}] = why
	}
}
