package robot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"loumiao/game/pb"
	"loumiao/robot/client"
)

// startShop is a charge web in little, for the stack's players.
func startShop(t *testing.T, s *stack) (url string) {
	t.Helper()
	var mu sync.Mutex
	orders := map[string]*client.Order{} // by id
	buyers := map[string]int64{}
	var web *httptest.Server
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("GET /v1/products", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"providers": []string{sandbox}, "products": []client.Product{
			{ID: "crown", Items: map[string]int64{"crown": 1}}, {ID: "pouch", Wallet: map[string]int64{"gold": 7}},
		}})
	})
	mux.HandleFunc("POST /v1/orders", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		player, err := strconv.ParseInt(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), 10, 64)
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		id := strconv.Itoa(len(orders) + 1)
		orders[id] = &client.Order{ID: int64(len(orders) + 1), State: "pending", Wallet: map[string]int64{"gold": 7}, PayURL: web.URL + "/sandbox/" + id + "?key=k"}
		buyers[id] = player
		answer(w, orders[id])
	})
	mux.HandleFunc("GET /v1/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		answer(w, orders[r.PathValue("id")])
	})
	mux.HandleFunc("POST /sandbox/{id}", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		o := orders[r.PathValue("id")]
		if r.FormValue("key") != "k" || r.FormValue("action") != "pay" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if o.State == "pending" {
			s.grant(buyers[r.PathValue("id")], o)
			o.State = "delivered"
		}
	})
	web = httptest.NewServer(mux)
	t.Cleanup(web.Close)
	return web.URL
}

// grant gives an order's goods.
func (s *stack) grant(id int64, o *client.Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, times := s.players[id], 1
	if s.lies(p, "an order's goods twice") {
		times = 2
	}
	if s.lies(p, "an order that is not delivered") {
		times = 0
	}
	for range times {
		p.wallet["gold"] += o.Wallet["gold"]
		entry := &pb.LedgerEntry{Id: s.number(), Key: fmt.Sprintf("order:%d", o.ID), Asset: "gold", Amount: o.Wallet["gold"]}
		p.ledger = append([]*pb.LedgerEntry{entry}, p.ledger...)
	}
}

// Without a charge web nothing fails.
func TestNoShop(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"something else": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) },
		"nothing to buy": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"products":[],"providers":["sandbox"]}`))
		},
		"real money": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"products":[{"id":"p","wallet":{"gold":1}}],"providers":["stripe"]}`))
		},
	} {
		web := httptest.NewServer(handler)
		s := startStack(t, "")
		cfg := settings(t, s.web.URL)
		var progress bytes.Buffer
		cfg.Charge, cfg.Progress = web.URL, &progress
		report, text := play(t, cfg)
		web.Close()
		if report.Failed() || !strings.Contains(progress.String(), "nobody buys anything") {
			t.Errorf("%s: %s\n%s", name, text, &progress)
		}
	}
}
