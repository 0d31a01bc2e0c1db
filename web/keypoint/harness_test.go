package keypoint

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/configs"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/keypoint"
	"loumiao/migrations"
	"loumiao/web/httpserver"
)

const (
	writing = "key-of-the-clients"
	reading = "key-of-operators-1"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp's pool looks after idle workers in a loop that sleeps 10 s and only then sees that it was stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		// Gossip looks at the other members in turn in a goroutine that ends when the one it looks at has answered or not.
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe"))
}

func declaredEvents(t testing.TB) *Schemas {
	t.Helper()
	s, err := ParseSchemas(configs.Events)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A setup is a service behind a server. It writes into SQL only when the test says so.
type setup struct {
	*Service
	t      testing.TB
	stores *store.Stores
	base   string
	client *http.Client
}

func start(t testing.TB, stores *store.Stores, changes ...func(*Config)) *setup {
	t.Helper()
	cfg := Defaults()
	cfg.Listen = "127.0.0.1:0"
	cfg.Keys = []Key{{App: "arena", Key: writing}}
	cfg.ReadKey = reading
	for _, change := range changes {
		change(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	events := keypoint.New(storetest.Migrated(t, stores, "keypoint", migrations.FS("keypoint")))
	s := &setup{Service: New(cfg, declaredEvents(t), stores, events, "1", nil, storetest.Log(t)), t: t, stores: stores}
	server := httpserver.New(cfg.Config, storetest.Log(t))
	s.Routes(server.App())
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.base = "http://" + server.Addr()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	s.client = &http.Client{Transport: transport, Timeout: time.Minute}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// send sends a request, and is its status and its body.
func (s *setup) send(method, path, key string, body []byte, headers ...string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// post sends events and wants them accepted.
func (s *setup) post(events ...string) {
	s.t.Helper()
	if status, body := s.send("POST", "/v1/events", writing, batchOf(events...)); status != http.StatusAccepted {
		s.t.Fatalf("%d %s", status, body)
	}
}

func batchOf(events ...string) []byte {
	text := []byte(`{"events":[`)
	for i, e := range events {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, e...)
	}
	return append(text, "]}"...)
}

func one(id, name, player string, at time.Time) string {
	fields := ""
	if name == "match_start" {
		fields = `,"fields":{"mode":"duel"}`
	}
	return fmt.Sprintf(`{"id":%q,"name":%q,"player":%q,"at":%d%s}`, id, name, player, at.UnixMilli(), fields)
}

// write brings all that is on the stream into SQL.
func (s *setup) write() {
	s.t.Helper()
	for {
		n, err := s.writers[0].step(s.t.Context(), false)
		if err != nil {
			s.t.Fatal(err)
		}
		if left := s.length(); n == 0 && left == 0 {
			return
		}
	}
}

func (s *setup) length() int64 {
	s.t.Helper()
	n, err := s.stores.Redis().XLen(s.t.Context(), s.stream.key("stream")).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// stored is the ids of all events in SQL.
func (s *setup) stored() []string {
	s.t.Helper()
	db, err := s.stores.SQL("keypoint")
	if err != nil {
		s.t.Fatal(err)
	}
	var ids []string
	if err := db.Table("events").Order("id").Pluck("id", &ids).Error; err != nil {
		s.t.Fatal(err)
	}
	return ids
}

func (s *setup) ask(path string, into any) {
	s.t.Helper()
	status, body := s.send("GET", path, reading, nil)
	if status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", path, status, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		s.t.Fatal(err)
	}
}

func zipped(t testing.TB, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
