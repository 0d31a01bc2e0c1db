package robot

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"loumiao/framework/fault"
)

// Latencies are kept between these, in microseconds, to three digits.
const (
	shortest = 1
	longest  = 5 * 60 * 1_000_000
	digits   = 3
)

// maxExamples is how many different errors, and violations, a report shows of one kind.
const maxExamples = 5

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
	reached [stages]atomic.Int64

	mu         sync.Mutex
	operations map[string]*operation
	order      []string // of operations, as they were first seen
	requests   *hdrhistogram.Histogram
	errors     int64
	matches    map[int64]map[int64]bool // players that were told of a match, by match
	checks     [invariants]int64
	violations [invariants][]string
	broken     [invariants]int64
}

// An operation is what robots do: its latencies, and how it failed.
type operation struct {
	waits     bool // a wait for others, which is no request of the server's
	latencies *hdrhistogram.Histogram
	errors    int64
	examples  map[string]int64 // errors by text
}

func newTally() *tally {
	return &tally{
		operations: map[string]*operation{},
		requests:   newHistogram(),
		matches:    map[int64]map[int64]bool{},
	}
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(shortest, longest, digits) }

// reach counts a robot at a stage.
func (t *tally) reach(s stage) { t.reached[s].Add(1) }

// request counts one request and its answer.
func (t *tally) request(name string, took time.Duration, err error) { t.count(name, false, took, err) }

// wait counts a wait for other players or for a turn; it is shown, and is not part of "all requests".
func (t *tally) wait(name string, took time.Duration, err error) { t.count(name, true, took, err) }

func (t *tally) count(name string, waits bool, took time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	op := t.operations[name]
	if op == nil {
		op = &operation{waits: waits, latencies: newHistogram(), examples: map[string]int64{}}
		t.operations[name] = op
		t.order = append(t.order, name)
	}
	if err != nil {
		op.errors++
		t.errors++
		text := err.Error()
		if code, message := fault.Outside(err); code != fault.Internal {
			text = code.String() + ": " + message
		}
		if _, known := op.examples[text]; known || len(op.examples) < maxExamples {
			op.examples[text]++
		}
		return
	}
	us := min(max(took.Microseconds(), shortest), longest)
	_ = op.latencies.RecordValue(us) // within its bounds
	if !waits {
		_ = t.requests.RecordValue(us)
	}
}

// An invariant is something that must hold for every robot at every moment.
type invariant int

const (
	oneMatch invariant = iota
	walletIsLedger
	rewardOnce
	orderKept
	invariants
)

var invariantNames = [invariants]string{
	"a player is in one match at a time, and a match has each player once",
	"the wallet equals the sum of its ledger",
	"a match's reward is in the ledger exactly once, as told",
	"messages come in order, none lost and none twice",
}

// hold counts one check of an invariant; err is how it is broken, nil if it is not.
func (t *tally) hold(i invariant, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checks[i]++
	if err == nil {
		return
	}
	t.broken[i]++
	if len(t.violations[i]) < maxExamples {
		t.violations[i] = append(t.violations[i], err.Error())
	}
}

// inMatch counts that a player was told of a match, and says what is wrong with it.
func (t *tally) inMatch(match, player int64, players []int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := map[int64]bool{}
	for _, p := range players {
		if seen[p] {
			return fmt.Errorf("match %d has player %d twice", match, p)
		}
		seen[p] = true
	}
	if !seen[player] {
		return fmt.Errorf("player %d was told of match %d, which is not his", player, match)
	}
	if before, ok := t.matches[match]; ok {
		for p := range before {
			if !seen[p] {
				return fmt.Errorf("match %d: its players are told of different opponents", match)
			}
		}
		before[player] = true
		return nil
	}
	t.matches[match] = map[int64]bool{player: true}
	return nil
}
