package client

import (
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
)

const (
	ackEvery     = 64              // reliable frames after which the server is told that they have come
	ackAfter     = 5 * time.Second // the same, in time
	lastWords    = time.Second     // for a Kick that is still to be read when nothing can be written any more
	usualBeat    = 15 * time.Second
	shortestBeat = 20 * time.Millisecond // whatever a gate asks for
)

// heartbeat is after what silence a client sends a Ping.
func (c *Conn) heartbeat() time.Duration {
	if asked := time.Duration(c.welcome.GetHeartbeatMs()) * time.Millisecond; asked > 0 {
		return max(asked, shortestBeat)
	}
	return usualBeat
}

// beat keeps the connection alive, acknowledges what has come, and ends the connection when the gate is silent or cannot be written to.
func (c *Conn) beat() {
	every := c.heartbeat()
	tick := time.NewTicker(every / 4)
	defer tick.Stop()
	acks := time.NewTicker(ackAfter)
	defer acks.Stop()
	var (
		waiting bool          // for anything to follow a Ping
		pinged  time.Duration // when that was sent
		before  uint64        // what had come until then
	)
	for {
		var err error
		select {
		case <-c.done:
			return
		case <-c.cannotWrite:
			c.hearLastWords()
			return
		case <-acks.C:
			err = c.acknowledge()
		case <-tick.C:
			now, sent, seen := c.now(), time.Duration(c.sentAt.Load()), time.Duration(c.seenAt.Load())
			waiting = waiting && c.frames.Load() == before // counted, because a quick Pong comes at the time of its Ping on a coarse clock
			switch {
			case waiting && now-pinged >= every:
				c.end(fault.New(fault.Lost, "the gate is silent"))
				return
			case !waiting && (now-sent >= every/2 || now-seen >= every):
				waiting, pinged, before = true, now, c.frames.Load()
				err = c.write(wire.Header{Kind: wire.Ping}, nil)
			}
		}
		if err != nil {
			c.hearLastWords()
			return
		}
	}
}

// hearLastWords ends a connection that cannot be written to, after the reader has had time to find out why.
func (c *Conn) hearLastWords() {
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		c.sending.Lock()
		err := c.broken
		c.sending.Unlock()
		c.end(err)
	}
}
