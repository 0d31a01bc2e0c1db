package client

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// Pauses before a client connects again: random around the first, which doubles with each failure.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second
)

// What waits for a connection goes out in pieces, so that it stays within what gates let through.
const (
	pieceFrames = 25
	pieceBytes  = 32 << 10
	pieceEvery  = time.Second
)

// connectsAgain reports whether a client comes back by itself after a connection that has ended so.
func connectsAgain(err error) bool {
	switch fault.CodeOf(err) {
	case fault.ShuttingDown, fault.Overloaded, fault.Unavailable, fault.Lost, fault.Slow, fault.Deadline, fault.Unauthenticated:
		return true
	}
	return false
}

// staysAway reports whether a client that was about to come back does not try again after this.
func staysAway(err error) bool {
	switch fault.CodeOf(err) {
	case fault.StartOver, fault.Replaced, fault.Forbidden, fault.Version, fault.Invalid, fault.TooLarge, fault.Cancelled:
		return true
	}
	return false
}

// mayComeBack reports whether the session can go on after a connection that has ended.
func (c *Conn) mayComeBack(k *connection) bool {
	return c.keeps && k.grace() > 0 && connectsAgain(k.ended())
}

// hello begins a session.
func (c *Conn) hello(token string) *wirepb.Hello {
	hello := &wirepb.Hello{Protocol: wire.Version, Client: c.opts.Version, Token: token}
	if c.opts.Compress {
		hello.Compressions = []string{wire.Deflate}
	}
	return hello
}

// comeBack opens the session again over another connection; nil if it has ended.
func (c *Conn) comeBack(why error) *connection {
	broke, pause := time.Now(), firstPause
	ctx, cancel := context.WithTimeout(c.life, c.last.Load().grace())
	defer cancel()
	for attempt := 1; ; attempt++ {
		if !sleep(ctx, pause/2+rand.N(pause)) {
			c.end(fault.Wrap(why, fault.Lost, "the session was not to be resumed in time"))
			return nil
		}
		pause = min(2*pause, longestPause)
		k, err := c.resume(ctx, attempt, why)
		if err == nil {
			if c.opts.OnResume != nil {
				c.opts.OnResume(time.Since(broke))
			}
			return k
		}
		if ctx.Err() == nil && staysAway(err) {
			c.end(err)
			return nil
		}
		why = err
	}
}

// resume is one attempt.
func (c *Conn) resume(ctx context.Context, attempt int, why error) (*connection, error) {
	addr, token, err := c.opts.Reconnect(ctx, attempt, why)
	if err != nil {
		return nil, err
	}
	before := c.last.Load()
	hello := c.hello(token)
	hello.Resume, hello.Received = before.welcome.GetResume(), c.marks()
	k, err := connect(ctx, c.dial, addr, c.codec, hello, nil)
	if err != nil {
		return nil, err
	}
	if err := c.reopen(before, k, hello.GetReceived()); err != nil {
		c.leave(k)
		k.end(err)
		c.end(err)
		return nil, err
	}
	c.last.Store(k)
	return k, nil
}

// marks is how far every stream has come that was used in the session.
func (c *Conn) marks() (marks []*wirepb.Mark) {
	c.order.Lock()
	defer c.order.Unlock()
	for _, stream := range c.outbox.used() {
		if _, ok := c.received[stream]; !ok {
			c.received[stream] = mark{}
		}
	}
	for stream, m := range c.received {
		marks = append(marks, &wirepb.Mark{Stream: uint32(stream), Sequence: m.last, Resets: m.resets})
	}
	slices.SortFunc(marks, func(a, b *wirepb.Mark) int { return cmp.Compare(a.GetStream(), b.GetStream()) })
	return marks
}

// reopen goes on where the connection before has ended.
func (c *Conn) reopen(before, k *connection, marked []*wirepb.Mark) error {
	if is, was := k.welcome.GetSession(), before.welcome.GetSession(); is != was {
		return violation("it goes on with session %d instead of %d", is, was)
	}
	for typ, stream := range before.streams {
		if k.streams[typ] != stream {
			return violation("stream %d to %q is %d when the session goes on", stream, typ, k.streams[typ])
		}
	}
	for _, m := range k.welcome.GetReceived() {
		if n := m.GetStream(); n >= uint32(len(k.known)) || !k.known[n] {
			return violation("it goes on with stream %d, which Welcome did not name", n)
		}
	}
	return c.outbox.reopen(marked, k.welcome.GetReceived())
}

// catchUp sends what has waited for the connection, before anything new.
func (c *Conn) catchUp(k *connection) {
	for c.sendPiece(k) {
		timer := time.NewTimer(pieceEvery)
		select {
		case <-timer.C:
		case <-k.done:
			timer.Stop()
			return
		}
	}
}

// sendPiece sends some of it, and reports whether there may be more. If there is not, what is sent from now on goes out at once.
func (c *Conn) sendPiece(k *connection) (more bool) {
	c.sending.Lock()
	defer c.sending.Unlock()
	if k.ended() != nil {
		return false
	}
	for _, frame := range c.outbox.next(pieceFrames, pieceBytes) {
		if k.write(frame) != nil {
			return false
		}
	}
	if c.outbox.waits() {
		return true
	}
	c.on = k
	return false
}

// sleep reports false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
