package harness

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func env(rows ...string) *Env { return &Env{For: 20 * time.Millisecond, Rows: rows} }

func TestARowThatFailsIsNotKept(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	e := env()
	var calls atomic.Int64
	e.row("good", func() error { return e.crowd("good", 4, 2, func(int) error { calls.Add(1); return nil }) })
	e.row("bad", func() error {
		return e.crowd("bad", 4, 1, func(caller int) error {
			if caller == 3 {
				return broken
			}
			return nil
		})
	})
	if len(e.samples) != 1 || e.samples[0].Row != "good" || e.samples[0].Value <= 0 || calls.Load() == 0 {
		t.Errorf("kept are %+v", e.samples)
	}
	if len(e.failed) != 1 || !errors.Is(e.failed[0], broken) {
		t.Errorf("failed are %v", e.failed)
	}
}

func TestOnlyWantedRowsAreMeasured(t *testing.T) {
	t.Parallel()
	e := env("tell", "ask x1")
	var did []string
	for _, name := range []string{"tell 1->1", "tell 2->1", "ask x1", "ask x64", "spawn"} {
		e.row(name, func() error { did = append(did, name); return nil })
	}
	if len(did) != 3 || did[2] != "ask x1" {
		t.Errorf("measured are %q", did)
	}
}

func TestALoopRepeatsUntilItTakesLongEnough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := env()
		var sizes []int
		stopped := 0
		err := e.loop("row", func(n int) (func() error, func()) {
			sizes = append(sizes, n)
			return func() error { time.Sleep(time.Duration(n) * time.Microsecond); return nil }, func() { stopped++ }
		})
		if err != nil || len(e.samples) != 1 || e.samples[0].Value != 1000 || !slices.Equal(sizes, []int{1000, 20_000}) || stopped != 2 {
			t.Errorf("%v, loops of %d, %d stops, samples %+v", err, sizes, stopped, e.samples)
		}
	})
}

func TestAnswersAreCompared(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer string
		ok     bool
	}{{"right", "pongpong", true}, {"second wrong", "pongpang", false}} {
		near, far := net.Pipe()
		go func() {
			_, _ = io.CopyN(io.Discard, far, 8)
			_, _ = io.Copy(far, bytes.NewReader([]byte(c.answer)))
		}()
		s := &Session{Conn: near, Request: []byte("ping"), Answer: []byte("pong")}
		if err := s.exchange(2); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		near.Close()
		far.Close()
	}
}

func TestWrongPayloadsAreCounted(t *testing.T) {
	t.Parallel()
	h := &Host{}
	h.Check([]byte(Payload))
	h.Check([]byte(Payload[:PayloadSize-2]))
	if h.Wrong.Load() != 0 {
		t.Error("the payload is called wrong")
	}
	h.Check([]byte(Payload[:10]))
	h.Check([]byte("x" + Payload[1:]))
	h.Check([]byte(Payload + "x"))
	h.Check(nil)
	if n := h.Wrong.Load(); n != 4 {
		t.Errorf("%d of 4 wrong payloads were noticed", n)
	}
}
