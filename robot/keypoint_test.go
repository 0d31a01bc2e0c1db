package robot

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"loumiao/configs"
	"loumiao/robot/client"
)

// A keyPoints is a keypoint web in little, for events as configs/events.csv declares them.
type keyPoints struct {
	url, key string
	declared map[string]bool // events, and their fields as "match_end.place"
	required map[string][]string

	mu     sync.Mutex
	answer func(n int) (status, accepted, rejected int) // what is said of a batch of n; nil: the truth
	seen   map[string]client.KeyPoint                   // by id
	times  int                                          // that an event came
}

func startKeyPoints(t *testing.T) *keyPoints {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(configs.Events)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	k := &keyPoints{key: "the-key-of-all-clients", declared: map[string]bool{}, required: map[string][]string{}, seen: map[string]client.KeyPoint{}}
	for _, row := range rows[1:] {
		k.declared[row[0]] = true
		k.declared[row[0]+"."+row[1]] = true
		if row[3] == "yes" {
			k.required[row[0]] = append(k.required[row[0]], row[1])
		}
	}
	web := httptest.NewServer(http.HandlerFunc(k.take))
	t.Cleanup(web.Close)
	k.url = web.URL
	return k
}

func (k *keyPoints) take(w http.ResponseWriter, r *http.Request) {
	var batch struct {
		Sent   int64
		Events []client.KeyPoint
	}
	if r.Method != http.MethodPost || r.URL.Path != "/v1/events" || r.Header.Get("Authorization") != "Bearer "+k.key ||
		json.NewDecoder(r.Body).Decode(&batch) != nil || batch.Sent == 0 || len(batch.Events) == 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	rejected := []client.Rejection{}
	for i, e := range batch.Events {
		k.times++
		k.seen[e.ID] = e
		if why := k.wrong(e); why != "" {
			rejected = append(rejected, client.Rejection{Index: i, Reason: why, Detail: e.Name})
		}
	}
	status, accepted := http.StatusAccepted, len(batch.Events)-len(rejected)
	if k.answer != nil {
		var n int
		status, accepted, n = k.answer(len(batch.Events))
		for i := range n {
			rejected = append(rejected, client.Rejection{Index: i, Reason: "unknown_event", Detail: "not declared"})
		}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"accepted": accepted, "rejected": rejected})
}

var uuid7 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// wrong is why an event is not as it is declared.
func (k *keyPoints) wrong(e client.KeyPoint) string {
	if !uuid7.MatchString(e.ID) || e.Player == "" || e.Player == "0" || e.At == 0 || !k.declared[e.Name] {
		return "not an event"
	}
	for field := range e.Fields {
		if !k.declared[e.Name+"."+field] {
			return "an undeclared field"
		}
	}
	for _, field := range k.required[e.Name] {
		if _, ok := e.Fields[field]; !ok {
			return "a missing field"
		}
	}
	return ""
}

// TestKeyPoints has robots tell of their ways what is declared; some of it twice, which has the same ids. All of it is told by the end.
func TestKeyPoints(t *testing.T) {
	t.Parallel()
	s, k := startStack(t, ""), startKeyPoints(t)
	cfg := settings(t, s.web.URL)
	cfg.Robots, cfg.Charge, cfg.Keypoint, cfg.KeypointKey = 12, startShop(t, s), k.url, k.key
	report, text := play(t, cfg)
	if report.Failed() {
		t.Fatal(text)
	}
	names := map[string]int{}
	for _, e := range k.seen {
		names[e.Name]++
	}
	for _, name := range []string{"login", "queue", "enter", "match_start", "match_end", "shop_view", "pay"} {
		if names[name] == 0 {
			t.Errorf("nobody tells of %s", name)
		}
	}
	if names["match_end"] != int(report.Funnel[finished].Robots) || k.times <= len(k.seen) {
		t.Errorf("%v were told, %d events in all and %d different ones; the funnel is %+v", names, k.times, len(k.seen), report.Funnel)
	}
	i := slices.IndexFunc(report.Operations, func(o Operation) bool { return o.Name == keyPoint })
	if i < 0 || int(report.Operations[i].Count) != k.times || report.Operations[i].Errors != 0 {
		t.Errorf("counted are %+v, and %d came", report.Operations, k.times)
	}
}

// TestKeyPointsThatGoWrong has a keypoint web lie, refuse and reject: the report says so, and robots play on.
func TestKeyPointsThatGoWrong(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer func(n int) (status, accepted, rejected int)
		broken bool
		says   string
	}{
		"one is not answered":  {func(n int) (int, int, int) { return http.StatusAccepted, n - 1, 0 }, true, "are accepted and 0 rejected"},
		"more than were sent":  {func(n int) (int, int, int) { return http.StatusAccepted, n + 1, 0 }, true, "are accepted and 0 rejected"},
		"one is both":          {func(n int) (int, int, int) { return http.StatusAccepted, n, 1 }, true, "and 1 rejected"},
		"all are rejected":     {func(n int) (int, int, int) { return http.StatusAccepted, 0, n }, false, "login is rejected: unknown_event: not declared"},
		"nothing can be taken": {func(int) (int, int, int) { return http.StatusServiceUnavailable, 0, 0 }, false, "keypoint.send failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, k := startStack(t, ""), startKeyPoints(t)
			k.answer = test.answer
			cfg := settings(t, s.web.URL)
			cfg.Robots, cfg.Keypoint, cfg.KeypointKey = 2, k.url, k.key
			report, text := play(t, cfg)
			if report.Failed() != test.broken || !strings.Contains(text, test.says) || report.Funnel[finished].Robots != 2 {
				t.Errorf("it is to fail: %t, and to say %q:\n%s", test.broken, test.says, text)
			}
			for i, seen := range report.Invariants {
				if is := seen.Broken > 0; is != (test.broken && invariant(i) == keyPointsAnswered) {
					t.Errorf("%+v", seen)
				}
			}
		})
	}
}
