package robot

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/framework/fault"
	"loumiao/framework/udp/udptest"
)

var update = flag.Bool("update", false, "write golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, udptest.Library()...) }

// TestReport holds reports, as people and programs read them, against testdata; -update writes that anew.
func TestReport(t *testing.T) {
	t.Parallel()
	cfg := Config{Login: "http://127.0.0.1:8080", Robots: 4, Seed: 7}
	thresholds := func(texts ...string) (list []Threshold) {
		for _, text := range texts {
			threshold, err := ParseThreshold(text)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, threshold)
		}
		return list
	}
	good := func(tl *tally) {
		tl.connected.Store(true)
		for i := range 4 {
			for s := range stages {
				tl.reach(s)
			}
			tl.request("login.guest", time.Duration(i+1)*10*ms, nil)
			tl.request("connect", 2*ms, nil)
			tl.wait("match.wait", time.Duration(i+1)*time.Second, nil)
			for held := range invariants {
				tl.hold(held, nil)
			}
		}
	}
	for name, test := range map[string]struct {
		see         func(*tally)
		rate        float64
		thresholds  []Threshold
		interrupted bool
		failed      bool
	}{
		"good": {see: good, thresholds: thresholds("p99=1s", "errors=0")},
		"failed": {
			see: func(tl *tally) {
				good(tl)
				tl.request("zone.join", 0, fault.New(fault.NotFound, "no such room"))
				tl.request("zone.join", 0, fault.New(fault.NotFound, "no such room"))
				tl.wait("match.wait", 0, fault.New(fault.Deadline, "no match was found in 2m0s"))
				tl.hold(walletIsLedger, errors.New("player 5: wallet and ledger differ: 3 gold were told, and the ledger has 4"))
				tl.hold(oneMatch, errors.New("match 9 has player 5 twice"))
				tl.hold(oneMatch, errors.New("match 10 has player 5 twice"))
			},
			thresholds: thresholds("login.p50=5ms", "errors=2", "pay.errors=0", "match.wait.max=1m"),
			failed:     true,
		},
		"open": {
			see: func(tl *tally) {
				good(tl)
				tl.corrected("visit", 12*time.Second)
				tl.corrected("visit.enter", 80*ms)
				tl.arrival(func(a *Arrivals) { *a = Arrivals{Arrived: 8, NoRoom: 3, Whole: 2, Failed: 1, CutShort: 2, Unmade: 1} })
			},
			rate: 2.5,
		},
		"hopeless": {
			see: func(tl *tally) {
				tl.request("login.guest", 0, fault.New(fault.Unavailable, "the login web cannot be reached"))
			},
			failed: true,
		},
		"nobody finished": {see: func(tl *tally) { tl.connected.Store(true); tl.reach(loggedIn); tl.request("match.start", ms, nil) }, failed: true},
		"nobody played":   {see: func(tl *tally) { tl.connected.Store(true); tl.reach(inWorld); tl.request("world.enter", ms, nil) }, failed: true},
		"no match wanted": {see: func(tl *tally) { tl.connected.Store(true); tl.reach(inWorld); tl.wait(scenarioPrefix+"chat", ms, nil) }},
		"nothing at all":  {see: func(*tally) {}, failed: true},
		"interrupted":     {see: func(tl *tally) { tl.reach(loggedIn) }, thresholds: thresholds("match.wait.max=1s"), interrupted: true},
		"interrupted and broken": {
			see:         func(tl *tally) { tl.hold(orderKept, errors.New("stream 1: frame 3 came when 2 was to come")) },
			interrupted: true, failed: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tl := newTally(t.Context())
			tl.since = func() time.Duration { return 0 }
			test.see(tl)
			cfg := cfg
			cfg.Thresholds, cfg.Rate = test.thresholds, test.rate
			r := tl.report(cfg, 61500*ms, test.interrupted)
			if r.Failed() != test.failed {
				t.Errorf("failed: %t, want %t: %q", r.Failed(), test.failed, r.Failures)
			}
			var text bytes.Buffer
			if err := r.Print(&text); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", text.Bytes())
			data, err := json.MarshalIndent(r, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", append(data, '\n'))
			var page bytes.Buffer
			if err := r.HTML(&page); err != nil {
				t.Fatal(err)
			}
			if name == "good" || name == "failed" || name == "open" { // the others have nothing that these do not
				golden(t, name+".html", page.Bytes())
			}
		})
	}
}

func TestAReportThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	report := newTally(t.Context()).report(Config{}, 0, false)
	if err := report.Print(failing{full}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if err := report.HTML(failing{full}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// golden holds got against a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-"))
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")); !bytes.Equal(got, want) {
		t.Errorf("the report has changed; if that is meant, run the test with -update and commit %s. It is now:\n%s", path, got)
	}
}
