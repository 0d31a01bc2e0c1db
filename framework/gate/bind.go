package gate

import (
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
)

// A stream that is bound to a node to which there is no line: the node has just come, or this gate has, and it is not known everywhere yet who is there
//
//	world                      gate                                  zone
//	Bind ────────────────────► the stream leads to the zone
//	client ─── its messages ─► wait                     line is up ─ is there by now
//	                           Attach, what has waited ────────────► is taken, in order
//
// The client notices nothing. If there is no line in time, the stream starts over, and the client is told.

// lineTimeout is how long what a client sends waits for a line. By then gossip has told every node who is there, and a line that broke was tried several
// times; whoever waits for an answer has not given up.
const lineTimeout = 5 * time.Second

// bind has the stream, which leads nowhere, lead to the node: as soon as there is a line to it. It is called with the lock.
func (s *session) bind(route int, node id.Node) {
	err := s.attach(route, node)
	if err == nil {
		return
	}
	g := s.gate
	g.log.Info("a session waits for the line to the node that it is bound to", "session", s.id, "node", node, "error", err)
	s.streams[route].node, s.streams[route].held = node, &waitingList{noLine: true}
	g.loads.add(node, 1)
}

// waitsForLine reports whether the stream leads to a node that does not know of it yet.
func (st *stream) waitsForLine() bool { return st.held != nil && st.held.noLine }

// Up attaches the sessions that have waited for a line to the node.
func (d downstream) Up(peer link.Peer) {
	g := d.gate
	g.table.each(nil, func(s *session) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for route := range s.streams {
			st := &s.streams[route]
			// An error means that the line has broken again, or is full: what has waited goes on waiting.
			if st.node == peer.Node && st.waitsForLine() && g.lines.Attach(st.node, s.info(route)) == nil {
				s.sendHeld(route)
				s.flushLocked()
			}
		}
	})
}

// giveUp has the streams start over whose clients have waited for a line since before then.
func (s *session) giveUp(before int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for route := range s.streams {
		st := &s.streams[route]
		if st.waitsForLine() && len(st.held.frames) > 0 && st.held.since < before {
			s.gate.log.Warn("there is no line to the node that a session is bound to", "session", s.id, "node", st.node)
			s.detach(route, fault.OK)
			s.reset(route, "the node cannot be reached")
			s.flushLocked()
		}
	}
}
