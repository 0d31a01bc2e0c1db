package gate

import (
	"time"

	"loumiao/framework/fault"
)

const (
	minLook = 10 * time.Millisecond
	maxLook = time.Second
	silence = 3 // heartbeats without a frame after which a client is gone
)

// lookAround ends, a few times in each timeout, the sessions whose time is up: one goroutine and no timer for any number of them.
func (g *Gate) lookAround() {
	every := min(max(min(g.cfg.Heartbeat, g.cfg.HandshakeTimeout)/4, minLook), maxLook)
	tick := time.NewTicker(every)
	defer tick.Stop()
	var batch []*session
	for {
		select {
		case <-g.ctx.Done():
			return
		case <-tick.C:
		}
		for _, s := range g.lobby.expire(time.Now().Add(-g.cfg.HandshakeTimeout)) {
			g.stats.noHello.Add(1)
			s.kick(fault.Deadline, "no hello in time")
		}
		batch = g.look(batch, g.now())
	}
}

// look ends what is over by then, in every session that is there. batch is memory to use, and is returned for the next time.
func (g *Gate) look(batch []*session, now int64) []*session {
	deadline := now - silence*int64(g.cfg.Heartbeat)
	return g.table.each(batch, func(s *session) {
		if s.heard.Load() < deadline && s.isOpen() {
			g.stats.silent.Add(1)
			s.kick(fault.Lost, "nothing was heard of the client")
		}
		s.giveUp(now - int64(lineTimeout))
	})
}

func (s *session) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == open
}
