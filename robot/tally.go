package robot

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept between these, in microseconds, to three digits.
const (
	shortest = 1
	longest  = 2 * 60 * 60 * 1_000_000 // the longest match, and the wait for its end
	digits   = 3
)

const (
	maxExamples = 5 // different errors, and violations, that a report shows of one kind
	maxMatches  = 1 << 16
	maxPlayers  = 256 // in a match
	others      = "other errors"
)

// A stage is how far a robot has come; the funnel counts those who have reached each.
type stage int

const (
	loggedIn stage = iota
	queued
	inWorld
	inBattle
	finished
	stages
)

var stageNames = [stages]string{"logged in", "queued", "in world", "in battle", "finished"}

// A tally is what all robots of a run have seen. It is safe for concurrent use.
type tally struct {
	run       context.Context      // once it has ended, robots fail because they are stopped, and that is not counted
	since     func() time.Duration // the beginning of the run
	reached   [stages]atomic.Int64
	connected atomic.Bool // somebody has come through a gate

	mu         sync.Mutex
	operations map[string]*operation
	order      []string // of operations, as they were first seen
	requests   *hdrhistogram.Histogram
	series     *series
	errors     int64
	arrivals   Arrivals // of the open model
	lastError  string
	news       []string          // errors that watch has not shown yet
	matches    map[int64][]int64 // players of matches that robots were told of, sorted
	oldest     []int64           // of matches
	tickets    map[int64]int64   // the match that each came into, or noMatch
	usedFirst  []int64           // tickets, as they were first seen
	checks     [invariants]int64
	violations [invariants][]string
	broken     [invariants]int64
}

// An operation is what robots do: its latencies, and how it failed.
type operation struct {
	waits     bool // a wait for others, which is no request of the server's
	corrected bool // counted from when it was due
	latencies *hdrhistogram.Histogram
	errors    int64
	examples  map[string]int64 // errors by text
}

func newTally(run context.Context) *tally {
	began := time.Now()
	return &tally{
		run:        run,
		since:      func() time.Duration { return time.Since(began) },
		operations: map[string]*operation{},
		requests:   newHistogram(),
		series:     newSeries(),
		matches:    map[int64][]int64{},
		tickets:    map[int64]int64{},
	}
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(shortest, longest, digits) }

// reach counts a robot at a stage.
func (t *tally) reach(s stage) { t.reached[s].Add(1) }

// request counts one request and its answer.
func (t *tally) request(name string, took time.Duration, err error) { t.count(name, false, took, err) }

// wait counts a wait for other players or for a turn; its time is shown, and is not part of "all requests".
func (t *tally) wait(name string, took time.Duration, err error) { t.count(name, true, took, err) }

// corrected counts something by how long ago it was due.
func (t *tally) corrected(name string, took time.Duration) {
	t.wait(name, took, nil)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.operations[name].corrected = true
}

// arrival counts arrivals and what became of them.
func (t *tally) arrival(count func(*Arrivals)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	count(&t.arrivals)
}

func (t *tally) count(name string, waits bool, took time.Duration, err error) {
	if err != nil && stopped(t.run) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	op := t.operations[name]
	if op == nil {
		op = &operation{waits: waits, latencies: newHistogram(), examples: map[string]int64{}}
		t.operations[name] = op
		t.order = append(t.order, name)
	}
	if err != nil {
		t.fail(name, op, legible(explain(err)))
		return
	}
	us := min(max(took.Microseconds(), shortest), longest)
	_ = op.latencies.RecordValue(us) // within its bounds
	if !waits {
		_ = t.requests.RecordValue(us)
		t.series.at(t.since()).request(us)
	}
}

// fail counts an error by its text. It is called with the lock.
func (t *tally) fail(name string, op *operation, text string) {
	op.errors++
	t.errors++
	t.series.at(t.since()).errors++
	what := name + ": " + text
	if name != arrivalMade { // which is this side's, and says nothing of why nobody gets in
		t.lastError = what
	}
	if op.examples[text] == 0 {
		if len(op.examples) >= maxExamples {
			text = others
		} else {
			t.news = append(t.news, what)
		}
	}
	op.examples[text]++
}

// inMatch counts that a player was told of a match, and says what is wrong with it. One who fills a seat is told who plays then, and not who began.
func (t *tally) inMatch(match, player int64, players []int64, fill bool) error {
	if len(players) > maxPlayers {
		return fmt.Errorf("match %d has %d players", match, len(players))
	}
	players = slices.Sorted(slices.Values(players))
	for i := 1; i < len(players); i++ {
		if players[i] == players[i-1] {
			return fmt.Errorf("match %d has player %d twice", match, players[i])
		}
	}
	if !slices.Contains(players, player) {
		return fmt.Errorf("player %d was told of match %d, which is not his", player, match)
	}
	if fill {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if before, known := t.matches[match]; known {
		if !slices.Equal(before, players) {
			return fmt.Errorf("match %d: one player was told that %v are in it, and another that %v are", match, before, players)
		}
		return nil
	}
	if len(t.oldest) == maxMatches {
		delete(t.matches, t.oldest[0])
		t.oldest = t.oldest[1:]
	}
	t.matches[match] = players
	t.oldest = append(t.oldest, match)
	return nil
}

// noMatch is what a ticket comes to that was called off.
const noMatch = -1

// ticketUsed notes what has become of a ticket, as one of those who wait with it was told, and says what is wrong with that. 0: a robot that came back does not know
// its ticket any more.
func (t *tally) ticketUsed(ticket, match int64) error {
	if ticket == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch before, known := t.tickets[ticket]; {
	case !known:
		if len(t.usedFirst) == maxMatches {
			delete(t.tickets, t.usedFirst[0])
			t.usedFirst = t.usedFirst[1:]
		}
		t.tickets[ticket] = match
		t.usedFirst = append(t.usedFirst, ticket)
	case before == match:
	case before == noMatch || match == noMatch:
		return fmt.Errorf("ticket %d was called off, and is in match %d", ticket, max(before, match))
	default:
		return fmt.Errorf("ticket %d is in match %d and in match %d", ticket, before, match)
	}
	return nil
}

// totals is how many requests there were and how many errors, and the kinds of error that are new since it was last called.
func (t *tally) totals() (requests, errors int64, news []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	news, t.news = t.news, nil
	return t.requests.TotalCount(), t.errors, news
}

// hopeless reports that nobody has come through a gate and that it was tried, and what went wrong last.
func (t *tally) hopeless() (why string, is bool) {
	if t.connected.Load() {
		return "", false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lastError, t.lastError != ""
}
