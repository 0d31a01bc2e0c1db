package charge

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/configs"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/store/order"
	"loumiao/game/store/player"
	"loumiao/game/tables"
	"loumiao/game/token"
	"loumiao/migrations"
	"loumiao/web/charge/pay"
	"loumiao/web/httpserver"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp's pool looks after idle workers in a loop that sleeps 10 s and only then sees that it was stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		// Gossip looks at the other members in turn in a goroutine that ends when the one it looks at has answered or not.
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe"))
}

// shelf keeps goods in the players' real tables, as db does.
type shelf struct{ *player.Store }

func (g shelf) Known(ctx context.Context, p int64) error {
	_, err := g.Read(ctx, player.ID(p))
	return err
}

func op(p int64, key, reason string, goods order.Goods, sign int64) player.Op {
	o := player.Op{Key: key, Player: player.ID(p), Reason: reason}
	for name, n := range goods.Wallet {
		o.Wallet = append(o.Wallet, player.Change{Currency: name, Amount: sign * n})
	}
	for name, n := range goods.Items {
		o.Items = append(o.Items, player.ItemChange{Item: name, Count: sign * n})
	}
	return o
}

func (g shelf) Give(ctx context.Context, p int64, key string, goods order.Goods) error {
	o := op(p, key, reasonGrant, goods, 1)
	o.Spill, o.Owed = true, true
	_, err := g.Apply(ctx, o)
	return err
}

func (g shelf) TakeBack(ctx context.Context, p int64, key, given string, goods order.Goods) (order.Goods, error) {
	taken, err := g.Store.TakeBack(ctx, op(p, key, reasonRefund, goods, -1), given)
	return order.Goods{Wallet: taken.Wallet, Items: taken.Items}, err
}

func (g shelf) Given(ctx context.Context, p int64, key string) (order.Goods, bool, error) {
	changed, ok, err := g.Changed(ctx, player.ID(p), key)
	return order.Goods{Wallet: changed.Wallet, Items: changed.Items}, ok, err
}

// A setup is a service on real tables whose clock the test moves, behind a server. Nothing runs but what the test calls.
type setup struct {
	*Service
	t       *testing.T
	players *player.Store
	box     pay.Sandbox
	store   pay.FakeStore
	signer  *token.Signer
	base    string
	client  *http.Client

	designed atomic.Pointer[tables.Tables]
	barred   atomic.Pointer[fault.Error] // why nobody may come in; nil: everybody may

	mu       sync.Mutex
	at       time.Time
	notified []int64
	disputed []order.ID
}

// design has the tables be the sample's, with some replaced.
func (s *setup) design(changed map[string]string) {
	s.t.Helper()
	parsed, err := tables.ParseTexts(func(name string) (string, error) {
		if text, ok := changed[name]; ok {
			return text, nil
		}
		content, err := fs.ReadFile(configs.Tables(), name+".csv")
		return string(content), err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.designed.Store(parsed)
}

func each(t *testing.T, test func(t *testing.T, s *setup), changes ...func(*setup, *Deps)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) { test(t, start(t, stores, changes...)) })
}

func start(t *testing.T, stores *store.Stores, changes ...func(*setup, *Deps)) *setup {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &setup{
		t: t, at: time.Now(), signer: token.NewSigner(private, "k", time.Hour, nil),
		box: pay.Sandbox{Secrets: []string{"secret of the sandbox"}}, store: pay.FakeStore{Secret: "secret of the store"},
	}
	ids := id.NewGenerator(1, nil)
	s.players = player.New(storetest.Migrated(t, stores, "player", migrations.FS("player")), ids, nil)
	s.design(nil)
	deps := Deps{
		Orders: order.New(storetest.Migrated(t, stores, "order", migrations.FS("order")), ids, s.clock),
		Goods:  shelf{s.players},
		Tables: s.designed.Load, Tokens: token.NewVerifier(map[string]ed25519.PublicKey{"k": public}, nil, time.Second),
		Providers:   []pay.Provider{s.box, pay.Receipts{Store: s.store}},
		ExpireAfter: time.Hour, Public: func() string { return s.base }, Now: s.clock,
		Barred: func(context.Context, token.Claims) error {
			if why := s.barred.Load(); why != nil {
				return why
			}
			return nil
		},
		Notify: func(_ context.Context, p int64) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.notified = append(s.notified, p)
			return nil
		},
		OnDispute: func(_ context.Context, o order.Order) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.disputed = append(s.disputed, o.ID)
			return nil
		},
		Log: storetest.Log(t),
	}
	for _, change := range changes {
		change(s, &deps)
	}
	if err := deps.Validate(); err != nil {
		t.Fatal(err)
	}
	s.Service = New(deps)
	server := httpserver.New(httpserver.Config{Name: "charge", BodyLimit: 4 << 10}, storetest.Log(t))
	s.Routes(server.App())
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.base = "http://" + server.Addr()
	transport := &http.Transport{}
	s.client = &http.Client{Transport: transport, Timeout: 30 * time.Second}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if off, err := s.players.Audit(context.Background()); len(off) != 0 || err != nil {
			t.Errorf("wallets and ledger differ: %+v, %v", off, err)
		}
	})
	return s
}

func (s *setup) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *setup) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = s.at.Add(d)
}

// born makes a player, who then has 100 gold.
func (s *setup) born(p int64) {
	s.t.Helper()
	if _, err := s.players.Load(s.t.Context(), player.ID(p), p+1000, 1); err != nil {
		s.t.Fatal(err)
	}
}

// has is how much gold a player has.
func (s *setup) has(p int64) int64 {
	s.t.Helper()
	found, err := s.players.Read(s.t.Context(), player.ID(p))
	if err != nil {
		s.t.Fatal(err)
	}
	return found.Wallet[player.Gold]
}

// work does everything that is due, as Run does all the time.
func (s *setup) work() {
	s.t.Helper()
	for range 3 {
		if err := s.cashier.settle(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		if err := s.courier.deliver(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A response is what came back.
type response struct {
	status int
	header http.Header
	body   string
}

func (r response) reply(t *testing.T) Reply {
	t.Helper()
	var reply Reply
	if err := json.Unmarshal([]byte(r.body), &reply); err != nil || r.status/100 != 2 {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	return reply
}

// send sends a request, as a player if p is not 0.
func (s *setup) send(method, path, body string, p int64, headers ...string) response {
	s.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = s.base + path
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if p != 0 {
		signed, err := s.signer.Sign(token.Claims{Account: p + 1000, Player: p, Area: 1})
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+signed)
	}
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
	return response{resp.StatusCode, resp.Header, string(data)}
}

// order makes an order for a pouch of gold.
func (s *setup) order(p int64, provider string) Reply {
	s.t.Helper()
	return s.send("POST", "/v1/orders", `{"product":"gold_pouch","provider":"`+provider+`"}`, p).reply(s.t)
}

func (s *setup) show(o Reply, p int64) Reply {
	s.t.Helper()
	return s.send("GET", "/v1/orders/"+order.ID(o.ID).String(), "", p).reply(s.t)
}

func (s *setup) find(o Reply) order.Order {
	s.t.Helper()
	found, err := s.Orders.Find(s.t.Context(), order.ID(o.ID))
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// press presses a button of an order's page, as a browser does.
func (s *setup) press(o Reply, key, action string) response {
	s.t.Helper()
	form := url.Values{"key": {key}, "action": {action}}.Encode()
	return s.send("POST", "/sandbox/"+order.ID(o.ID).String(), form, 0, "Content-Type", "application/x-www-form-urlencoded")
}
