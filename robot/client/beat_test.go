package client_test

import (
	"context"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
	"loumiao/robot/client"
	"loumiao/robot/internal/fakegate"
)

const beat = 8 * time.Second // what the gates of these tests ask for

// inBubble runs a test whose session goes over a pipe and whose time is the bubble's. The gate's frames from the client are read by the bubble
// and sent on with the time that they took from the start.
func inBubble(t *testing.T, test func(*testing.T, *table, <-chan arrival)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		tb := &table{t: t, gate: fakegate.Over(far, registry(t))}
		opened := make(chan error, 1)
		go func() {
			opened <- tb.gate.Open(func(w *wirepb.Welcome) { w.HeartbeatMs = uint32(beat / time.Millisecond) })
		}()
		conn, err := client.Over(t.Context(), near, client.Options{Registry: registry(t)})
		tb.must(err)
		tb.must(<-opened)
		tb.Conn = conn
		arrivals, began := make(chan arrival, 1000), time.Now()
		go func() {
			defer close(arrivals)
			for {
				f, err := tb.gate.Read()
				if err != nil {
					return
				}
				arrivals <- arrival{f.Header, time.Since(began)}
			}
		}()
		test(t, tb, arrivals)
		tb.must(tb.Close())
		tb.gate.Close()
		for range arrivals {
		}
	})
}

// An arrival is a frame and when it came.
type arrival struct {
	wire.Header
	at time.Duration
}

// TestPings holds a client that has nothing to say to its heartbeat. Pongs come at the very time of the Pings.
func TestPings(t *testing.T) {
	inBubble(t, func(t *testing.T, tb *table, arrivals <-chan arrival) {
		last := time.Duration(0)
		for range 20 {
			a := <-arrivals
			if a.Kind != wire.Ping || a.at-last > beat {
				t.Fatalf("a %s after %s, want a ping within %s", a.Kind, a.at-last, beat)
			}
			last = a.at
			tb.gate.Write(wire.Header{Kind: wire.Pong}, nil)
		}
		if tb.Err() != nil {
			t.Fatal(tb.Err())
		}
	})
}

func TestATalkativeClientNeedsNoPings(t *testing.T) {
	inBubble(t, func(t *testing.T, tb *table, arrivals <-chan arrival) {
		for range 40 {
			time.Sleep(beat / 4)
			tb.must(tb.Send(&pb.RoomInput{}))
			tb.gate.Push(0, &pb.QueueUpdate{})
			if a := <-arrivals; a.Kind != wire.Send {
				t.Fatalf("a %s was sent", a.Kind)
			}
		}
	})
}

// TestADeadGate is given up when nothing has followed a Ping, but not when anything has.
func TestADeadGate(t *testing.T) {
	inBubble(t, func(t *testing.T, tb *table, arrivals <-chan arrival) {
		for range 5 {
			<-arrivals
			time.Sleep(beat * 3 / 4)
			tb.gate.Push(0, &pb.QueueUpdate{}) // it lives, though it does not answer
			synctest.Wait()
			if tb.Err() != nil {
				t.Fatal(tb.Err())
			}
		}
		heard := time.Now()
		<-tb.Done()
		if after := time.Since(heard); after < beat || after > 2*beat+beat/2 {
			t.Errorf("given up after %s", after)
		}
		isCode(t, tb.Err(), fault.Lost)
	})
}

func TestAcksAfterAWhile(t *testing.T) {
	inBubble(t, func(t *testing.T, tb *table, arrivals <-chan arrival) {
		began := time.Now()
		tb.gate.Push(fakegate.World, &pb.MatchFound{})
		for a := range arrivals {
			if a.Kind == wire.Ack {
				break
			}
			tb.gate.Write(wire.Header{Kind: wire.Pong}, nil)
		}
		if after := time.Since(began); after > client.AckAfter {
			t.Errorf("acknowledged after %s", after)
		}
		for began = time.Now(); time.Since(began) < time.Minute; { // and not again
			a := <-arrivals
			if a.Kind == wire.Ack {
				t.Fatal("acknowledged twice")
			}
			tb.gate.Write(wire.Header{Kind: wire.Pong}, nil)
		}
	})
}

// stuck is a connection whose far end takes the first frame, and half of the next within the time that it may take. That time is noted, and
// not spent: whoever waits for a lock would stop the bubble's clock.
type stuck struct {
	net.Conn
	writes   int
	deadline time.Duration // of the last write
}

func (c *stuck) SetWriteDeadline(at time.Time) error {
	c.deadline = time.Until(at)
	return nil
}

func (c *stuck) Write(b []byte) (int, error) {
	if c.writes++; c.writes == 1 {
		return c.Conn.Write(b)
	}
	return len(b) / 2, os.ErrDeadlineExceeded
}

// TestAGateThatDoesNotRead breaks the connection in bounded time, for everybody who sends; but what the gate says last counts for more than
// that it does not read.
func TestAGateThatDoesNotRead(t *testing.T) {
	t.Parallel()
	for name, lastWord := range map[string]bool{"silent": false, "with a last word": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				gate := fakegate.Over(far, registry(t))
				go func() { _ = gate.Open() }()
				line := &stuck{Conn: near}
				conn, err := client.Over(t.Context(), line, client.Options{Registry: registry(t)})
				if err != nil {
					t.Fatal(err)
				}
				began, want := time.Now(), fault.Lost
				isCode(t, conn.Send(&pb.RoomInput{}), fault.Lost)
				if line.deadline != client.WriteTimeout {
					t.Errorf("a frame may take %s", line.deadline)
				}
				isCode(t, conn.Send(&pb.RoomInput{}), fault.Lost) // at once
				if lastWord {
					want = fault.ShuttingDown
					gate.Write(wire.Header{Kind: wire.Kick}, wire.ErrorBody(fault.New(fault.ShuttingDown, "soon")))
				}
				<-conn.Done()
				if after := time.Since(began); after > client.LastWords {
					t.Errorf("ended after %s", after)
				}
				isCode(t, conn.Err(), want)
				isCode(t, conn.Send(&pb.RoomInput{}), want)
				_ = conn.Close()
				gate.Close()
			})
		})
	}
}

func TestASilentGateIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		gate := fakegate.Over(far, registry(t))
		go func() { _, _ = gate.Read() }()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		_, err := client.Over(ctx, near, client.Options{Registry: registry(t)})
		isCode(t, err, fault.Deadline)
		if after := time.Since(began); after != 10*time.Second {
			t.Errorf("given up after %s", after)
		}
		gate.Close()
	})
}
