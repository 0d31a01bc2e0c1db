package robot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"loumiao/framework/fault"
)

const ms = time.Millisecond

func TestTallyCountsAndKeepsLittle(t *testing.T) {
	t.Parallel()
	tl := newTally(t.Context())
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 100 {
				tl.request("ask", time.Duration(j)*ms, nil)
				tl.wait("wait", ms, nil)
				tl.request("fail", 0, fmt.Errorf("error %d", (i*100+j)%10))
				tl.hold(orderKept, nil)
				tl.hold(oneMatch, errors.New("broken"))
				tl.reach(queued)
			}
		})
	}
	all.Wait()
	requests, failed, news := tl.totals()
	if requests != 800 || failed != 800 || len(news) != maxExamples {
		t.Errorf("%d requests, %d errors, %q", requests, failed, news)
	}
	if _, _, news := tl.totals(); len(news) != 0 {
		t.Errorf("told again: %q", news)
	}
	r := tl.report(Config{}, time.Second, false)
	examples := map[string]int64{}
	for _, o := range r.Operations {
		if o.Name == "fail" {
			examples = o.Examples
		}
	}
	var sum int64
	for _, n := range examples {
		sum += n
	}
	if len(examples) != maxExamples+1 || examples[others] != 400 || sum != 800 {
		t.Errorf("examples are %v", examples)
	}
	if held := r.Invariants[orderKept]; held.Checked != 800 || held.Broken != 0 {
		t.Errorf("%+v", held)
	}
	if broken := r.Invariants[oneMatch]; broken.Checked != 800 || broken.Broken != 800 || len(broken.Violations) != maxExamples {
		t.Errorf("%+v", broken)
	}
	if r.Funnel[queued].Robots != 800 || !r.Failed() {
		t.Errorf("%+v, %q", r.Funnel, r.Failures)
	}
}

func TestLatencies(t *testing.T) {
	t.Parallel()
	tl := newTally(t.Context())
	for i := range 1000 {
		tl.request("ask", time.Duration(i+1)*ms, nil)
	}
	for name, took := range map[string]time.Duration{"a clock set back": -time.Hour, "an age": 1000 * time.Hour, "a long match": time.Hour} {
		tl.wait(name, took, nil)
	}
	r := tl.report(Config{}, time.Second, false)
	near := func(got, want float64) bool { return got >= want*0.999 && got <= want*1.001 }
	if f := r.Requests; f.Count != 1000 || !near(f.P50, 500) || !near(f.P90, 900) || !near(f.P99, 990) || !near(f.Max, 1000) {
		t.Errorf("%+v", f)
	}
	want := map[string]float64{"ask": 1000, "a clock set back": 0.001, "an age": longest / 1000, "a long match": 3_600_000}
	for _, o := range r.Operations {
		if !near(o.Max, want[o.Name]) {
			t.Errorf("%s took %f ms, want %f", o.Name, o.Max, want[o.Name])
		}
	}
}

// TestWhatIsStoppedIsNoFailure: robots that are stopped fail because of that. Those whose run is over by itself do not.
func TestWhatIsStoppedIsNoFailure(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		cause error
		want  int64
	}{{nil, 1}, {errTimeUp, 1}, {errGraceOver, 1}, {errHopeless, 0}, {context.Canceled, 0}} {
		run, stop := context.WithCancelCause(t.Context())
		if test.cause != nil {
			stop(test.cause)
		}
		tl := newTally(run)
		tl.request("ask", 0, errors.New("failed"))
		tl.request("ask", 0, nil)
		if requests, failed, _ := tl.totals(); failed != test.want || requests != 1 {
			t.Errorf("after %v: %d errors, %d requests", test.cause, failed, requests)
		}
		stop(nil)
	}
}

func TestInMatch(t *testing.T) {
	t.Parallel()
	tl := newTally(t.Context())
	crowd := make([]int64, maxPlayers+1)
	for i := range crowd {
		crowd[i] = int64(i)
	}
	for _, test := range []struct {
		match, player int64
		players       []int64
		says          string
		fill          bool
	}{
		{1, 5, []int64{5, 6}, "", false},
		{1, 6, []int64{6, 5}, "", false},
		{2, 5, []int64{5}, "", false},
		{1, 7, []int64{5, 6}, "player 7 was told of match 1, which is not his", false},
		{1, 7, []int64{5, 7}, "one player was told that [5 6] are in it, and another that [5 7]", false},
		{3, 5, []int64{5, 6, 5}, "match 3 has player 5 twice", false},
		{4, 5, nil, "not his", false},
		{5, 5, crowd, "257 players", false},
		{1, 8, []int64{5, 8}, "", true},
		{1, 9, []int64{5, 8}, "not his", true},
		{1, 9, []int64{9, 9}, "player 9 twice", true},
	} {
		err := tl.inMatch(test.match, test.player, test.players, test.fill)
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("match %d, player %d, %v: %v; want %q", test.match, test.player, test.players, err, test.says)
		}
	}
	for i := range int64(maxMatches + 100) {
		if err := tl.inMatch(100+i, 1, []int64{1}, false); err != nil {
			t.Fatal(err)
		}
	}
	if len(tl.matches) != maxMatches || len(tl.oldest) != maxMatches {
		t.Errorf("%d matches are kept", len(tl.matches))
	}
}

func TestHopeless(t *testing.T) {
	t.Parallel()
	tl := newTally(t.Context())
	if _, is := tl.hopeless(); is {
		t.Error("before anything was tried")
	}
	tl.request("connect", 0, fault.New(fault.Overloaded, "full"))
	if why, is := tl.hopeless(); !is || why != "connect: overloaded: full" {
		t.Errorf("%q %t", why, is)
	}
	tl.connected.Store(true)
	if _, is := tl.hopeless(); is {
		t.Error("though somebody came through")
	}
}

func TestLegible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain: 5 ms, 王":         "plain: 5 ms, 王",
		"two\nlines\tand a tab":  "two lines and a tab",
		"\x1b[31mred\x00\u202e":  " [31mred  ",
		"not\xffUTF-8":           "not UTF-8",
		strings.Repeat("x", 500): strings.Repeat("x", maxText) + "...",
	} {
		if got := legible(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
	if cut := legible(strings.Repeat("王", 500)); !utf8.ValidString(cut) {
		t.Errorf("%q", cut)
	}
	tl := newTally(t.Context())
	tl.request("ask", 0, errors.New("a\nb"))
	tl.hold(oneMatch, errors.New("c\nd"))
	r := tl.report(Config{}, 0, false)
	if r.Operations[0].Examples["a b"] != 1 || r.Invariants[oneMatch].Violations[0] != "c d" {
		t.Errorf("%v, %v", r.Operations, r.Invariants)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"plain":                             errors.New("plain"),
		"overloaded: full":                  fault.New(fault.Overloaded, "full"),
		"lost: broken: EOF":                 fault.Wrap(errors.New("EOF"), fault.Lost, "broken"),
		"deadline: gone: no answer in time": fault.Wrap(context.DeadlineExceeded, fault.Deadline, "gone"),
	} {
		if got := explain(err); got != want {
			t.Errorf("%v is explained as %q, want %q", err, got, want)
		}
	}
}

// TestTickets: all that robots are told of a ticket must fit together.
func TestTickets(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		told   [][2]int64 // ticket and match
		broken string     // what the last one is
	}{
		"one match":                {[][2]int64{{1, 7}}, ""},
		"told to each of a party":  {[][2]int64{{1, 7}, {1, 7}}, ""},
		"two tickets of a match":   {[][2]int64{{1, 7}, {2, 7}}, ""},
		"two matches":              {[][2]int64{{1, 7}, {1, 8}}, "ticket 1 is in match 7 and in match 8"},
		"called off, then matched": {[][2]int64{{1, noMatch}, {1, 7}}, "ticket 1 was called off, and is in match 7"},
		"matched, then called off": {[][2]int64{{1, 7}, {1, noMatch}}, "ticket 1 was called off, and is in match 7"},
		"not known":                {[][2]int64{{0, 7}, {0, 8}}, ""},
	} {
		tally := newTally(t.Context())
		var err error
		for _, told := range test.told {
			if err != nil {
				t.Errorf("%s: too early: %v", name, err)
			}
			err = tally.ticketUsed(told[0], told[1])
		}
		if (err == nil) != (test.broken == "") || err != nil && err.Error() != test.broken {
			t.Errorf("%s: %v; want %q", name, err, test.broken)
		}
	}
}

// TestLobby: guests are met in the order in which they came, nobody meets himself, and who has left is not met.
func TestLobby(t *testing.T) {
	t.Parallel()
	var l lobby
	for i, step := range []struct{ player, leaves, meets int64 }{
		{player: 1}, {player: 1}, {player: 2, meets: 1}, {player: 3}, {leaves: 3}, {player: 4}, {player: 5, meets: 4}, {player: 6},
	} {
		if step.leaves != 0 {
			l.leave(step.leaves)
		} else if met := l.meet(step.player); met != step.meets {
			t.Errorf("step %d: player %d meets %d; want %d", i, step.player, met, step.meets)
		}
	}
}
