package robot

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/game/pb"
)

// flooded is a robot whose inbox is full.
func flooded(t *testing.T) *robot {
	r := &robot{tally: newTally(t.Context()), pushes: make(chan proto.Message, inbox)}
	for range inbox {
		r.pushes <- &pb.QueueUpdate{}
	}
	return r
}

// TestAFloodDoesNotOutlastADeadline: however much there is to read, a wait ends when its time has come.
func TestAFloodDoesNotOutlastADeadline(t *testing.T) {
	t.Parallel()
	r := flooded(t)
	over, end := context.WithCancelCause(t.Context())
	end(errTimeUp)
	for range 50 { // each would be a draw if it were left to luck
		if m, err := r.next(over, time.Hour); m != nil || !errors.Is(err, errTimeUp) {
			t.Fatalf("got %v, %v", m, err)
		}
		if m, err := r.next(t.Context(), 0); m != nil || !errors.Is(err, errNothing) {
			t.Fatalf("got %v, %v", m, err)
		}
	}
	if _, err := r.awaitTurn(over); !errors.Is(err, errTimeUp) {
		t.Errorf("waiting for a turn ends with %v", err)
	}
	if m, err := r.next(t.Context(), time.Hour); err != nil || m == nil {
		t.Errorf("got %v, %v", m, err)
	}
}

// TestDrainEnds, though more comes for as long as it takes.
func TestDrainEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := flooded(t)
		for range inbox { // each waits for a place
			go func() { r.pushes <- &pb.QueueUpdate{} }()
		}
		synctest.Wait()
		if err := r.drain(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := len(r.pushes); n != inbox {
			t.Errorf("%d pushes are left of the %d that came later", n, inbox)
		}
	})
}

// TestAnInboxThatIsFull loses what may be lost without a word, and nothing else.
func TestAnInboxThatIsFull(t *testing.T) {
	t.Parallel()
	r := flooded(t)
	r.cfg.Registry = protocol(t)
	receive := r.receiver()
	receive(&pb.QueueUpdate{}) // droppable
	if _, failed, _ := r.tally.totals(); failed != 0 {
		t.Error("a droppable push is missed")
	}
	receive(&pb.MatchFound{})
	if _, failed, news := r.tally.totals(); failed != 1 || len(news) != 1 || !strings.Contains(news[0], fault.Slow.String()) {
		t.Errorf("%d errors: %q", failed, news)
	}
}

// TestEndsAreRememberedInSmallNumber, so that a server that tells of ever more costs nothing.
func TestEndsAreRememberedInSmallNumber(t *testing.T) {
	t.Parallel()
	r := &robot{tally: newTally(t.Context())}
	for match := range int64(1000) {
		r.hearEnd(match)
	}
	if n := r.tally.broken[oneEnd]; n != 0 || len(r.heard) > 16 {
		t.Errorf("%d are broken, %d kept", n, len(r.heard))
	}
	r.hearEnd(999)
	r.hearEnd(990)
	if n := r.tally.broken[oneEnd]; n != 2 {
		t.Errorf("%d are broken, want 2", n)
	}
}

// TestAnEndThatComesBeforeTheBattle has a robot that comes back to a match be told its end before it looks for it.
func TestAnEndThatComesBeforeTheBattle(t *testing.T) {
	t.Parallel()
	r := &robot{tally: newTally(t.Context()), pushes: make(chan proto.Message, inbox)}
	r.found(&pb.MatchFound{Match: 7})
	r.pushes <- &pb.MatchEnded{Result: &pb.MatchResult{Match: 6}} // another, that he had left
	r.pushes <- &pb.MatchEnded{Result: &pb.MatchResult{Match: 7, Place: 2}}
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	ended, err := r.fight(t.Context())
	if err != nil || ended.GetResult().GetPlace() != 2 || r.playing != nil || r.ended != 7 {
		t.Errorf("the match has ended %v, %v; he plays %v", ended, err, r.playing)
	}
}
