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
func (k *connection) heartbeat() time.Duration {
	if asked := time.Duration(k.welcome.GetHeartbeatMs()) * time.Millisecond; asked > 0 {
		return max(asked, shortestBeat)
	}
	return usualBeat
}

// beat keeps the connection alive, acknowledges what has come, and ends the connection when the gate is silent or cannot be written to.
func (c *Conn) beat(k *connection) {
	every := k.heartbeat()
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
		case <-k.done:
			return
		case <-k.cannotWrite:
			c.hearLastWords(k)
			return
		case <-acks.C:
			err = c.acknowledge(k)
		case <-tick.C:
			now, sent, seen := k.now(), time.Duration(k.sentAt.Load()), time.Duration(k.seenAt.Load())
			waiting = waiting && k.frames.Load() == before // counted, because a quick Pong comes at the time of its Ping on a coarse clock
			switch {
			case waiting && now-pinged >= every:
				k.end(fault.New(fault.Lost, "the gate is silent"))
				return
			case !waiting && (now-sent >= every/2 || now-seen >= every):
				waiting, pinged, before = true, now, k.frames.Load()
				err = c.ping(k)
			}
		}
		if err != nil {
			c.hearLastWords(k)
			return
		}
	}
}

func (c *Conn) ping(k *connection) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return k.control(wire.Header{Kind: wire.Ping}, nil)
}

// hearLastWords ends a connection that cannot be written to, after the reader has had time to find out why.
func (c *Conn) hearLastWords(k *connection) {
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-k.done:
	case <-timer.C:
		c.sending.Lock()
		err := k.broken
		c.sending.Unlock()
		k.end(err)
	}
}
