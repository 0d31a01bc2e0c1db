package charge

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/actor"
	"loumiao/framework/frameworktest"
	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/db"
	"loumiao/game/pb"
	"loumiao/game/store/order"
	"loumiao/game/store/player"
	"loumiao/game/token"
	"loumiao/migrations"
)

// An owner is a world as far as orders go: it holds players, and is told of what they get.
type owner struct {
	node    *node.Node
	players int64
}

func (o *owner) Start(_ context.Context, n *node.Node) error {
	o.node = n
	players := actor.NewPool(n.Actors(), func(*actor.Context, api.PlayerID) (*int, error) { return new(int), nil }, actor.PoolConfig{Name: "player"})
	rpc.Handle(n, players, api.PlayerChanged, func(*int, *actor.Context, *pb.PlayerChanged) (*pb.Done, error) { return &pb.Done{}, nil }, rpc.Create())
	return nil
}

func (o *owner) Ready(ctx context.Context) error {
	for p := int64(1); p <= o.players; p++ {
		if err := o.node.Owners().Bind(ctx, p, lease.Binding{Node: o.node.ID(), Boot: o.node.Boot(), Epoch: uint64(o.node.Boot())}); err != nil {
			return err
		}
	}
	return nil
}

func (*owner) Stop(context.Context) error { return nil }

// A market is a cluster that sells: a charge, a db and a world, each of which is killed and comes back.
type market struct {
	t       *testing.T
	random  *rand.Rand
	cluster *frameworktest.Cluster
	orders  *order.Store
	outbox  *gorm.DB
	books   *player.Store
	sign    func(p int64) string
	client  *http.Client
	charges Config
	tokens  Tokens

	charge *Node
	nodes  map[string]*frameworktest.Node
}

const marketPlayers = 4

func (m *market) service(typ string) node.Service {
	switch typ {
	case api.DB:
		return db.New()
	case api.World:
		return &owner{players: marketPlayers}
	}
	m.charge = NewNode(m.charges, m.tokens, nil, 0)
	return m.charge
}

// die kills some nodes in the middle of what they do, in random order, and brings them back.
func (m *market) die(types ...string) {
	m.t.Helper()
	m.random.Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
	for _, typ := range types {
		m.nodes[typ].Kill()
	}
	for _, typ := range types {
		m.nodes[typ] = m.nodes[typ].Restart(m.service(typ))
	}
	for _, typ := range types {
		m.nodes[typ].Ready()
	}
}

// call asks the charge web until it is answered well, since a callback or a player comes again.
func (m *market) call(method, path, kind, body string, p int64) (reply Reply) {
	m.t.Helper()
	frameworktest.Eventually(m.t, method+" "+path+" is answered", func() bool {
		req, err := http.NewRequestWithContext(m.t.Context(), method, "http://"+m.charge.server.Addr()+path, strings.NewReader(body))
		if err != nil {
			m.t.Fatal(err)
		}
		req.Header.Set("Content-Type", kind)
		if p != 0 {
			req.Header.Set("Authorization", "Bearer "+m.sign(p))
		}
		resp, err := m.client.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode/100 != 2 {
			return false
		}
		_ = json.Unmarshal(data, &reply) // a page is none
		return true
	})
	return reply
}

// TestKilledNodes buys and has money back while charge, db and the players' world are killed, alone and together, as the ends of their processes would: once a callback
// was answered, or once the order is seen to have come to a state, and every callback comes again afterwards. Each order is granted once and taken back once.
func TestKilledNodes(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, cfg store.Config) {
		m := newMarket(t, cfg)
		victims := [][]string{{api.Charge}, {api.DB}, {api.Charge, api.DB, api.World}}
		type bought struct {
			player int64
			id     order.ID
			back   bool
		}
		var all []bought
		for i, dead := range victims {
			for _, at := range []order.State{"", order.Paid, order.Granting, order.Delivered} {
				p := int64(1 + m.random.IntN(marketPlayers))
				o := m.call("POST", "/v1/orders", "application/json", `{"product":"gold_pouch"}`, p)
				b := bought{p, order.ID(o.ID), (i+len(all))%2 == 0}
				page, err := url.Parse(o.PayURL)
				if err != nil || page.Query().Get("key") == "" {
					t.Fatalf("order %+v, %v", o, err)
				}
				press := func(action string) {
					form := url.Values{"key": {page.Query().Get("key")}, "action": {action}}.Encode()
					m.call("POST", page.Path, "application/x-www-form-urlencoded", form, 0)
				}
				m.through(b.id, dead, at, func() { press("pay") }, order.Delivered)
				if b.back {
					m.through(b.id, dead, map[bool]order.State{true: order.Refunded}[at == order.Delivered], func() { press("refund") }, order.Refunded)
				}
				all = append(all, b)
			}
		}
		want := map[int64]int64{}
		for _, b := range all {
			given, ok, err := m.books.Changed(t.Context(), player.ID(b.player), grantKey(b.id))
			if err != nil || !ok || given.Wallet[player.Gold] != 100 {
				t.Errorf("order %d gave %+v, %v, %v", b.id, given, ok, err)
			}
			back, ok, err := m.books.Changed(t.Context(), player.ID(b.player), refundKey(order.Order{ID: b.id, Price: 1, RevokingSum: 1}))
			if err != nil || ok != b.back || ok && back.Wallet[player.Gold] != -100 {
				t.Errorf("of order %d was taken %+v, %v, %v", b.id, back, ok, err)
			}
			if !b.back {
				want[b.player] += 100
			}
		}
		for p := int64(1); p <= marketPlayers; p++ {
			if has, err := m.books.Read(t.Context(), player.ID(p)); err != nil || has.Wallet[player.Gold] != player.StartGold+want[p] {
				t.Errorf("player %d has %+v, %v; want %d more than at first", p, has, err, want[p])
			}
		}
		if b, err := m.orders.Backlog(t.Context()); err != nil || b != (order.Backlog{}) {
			t.Errorf("left over: %+v, %v", b, err)
		}
		if off, err := m.books.Audit(t.Context()); len(off) != 0 || err != nil {
			t.Errorf("wallets and ledger differ: %+v, %v", off, err)
		}
	}
	t.Run("embedded", func(t *testing.T) { t.Parallel(); run(t, storetest.EmbeddedConfig(t)) })
	t.Run("real", func(t *testing.T) { t.Parallel(); run(t, storetest.RealConfig(t)) })
}

// through has an order go through to its end, with nodes that die when it is in a state, or once the callback is answered if that is "".
func (m *market) through(o order.ID, dead []string, at order.State, press func(), end order.State) {
	m.t.Helper()
	press()
	state := func() order.State {
		now, err := m.orders.Find(m.t.Context(), o)
		if err != nil {
			m.t.Fatal(err)
		}
		return now.State
	}
	if at != "" {
		frameworktest.Eventually(m.t, fmt.Sprintf("order %d is %s", o, at), func() bool {
			now := state()
			return now == at || now == end // it was quicker than we look
		})
	}
	m.die(dead...)
	press() // the callback comes again
	frameworktest.Eventually(m.t, fmt.Sprintf("order %d is %s", o, end), func() bool {
		// Nobody waits here for the end of the claims of the dead, nor for work that is put off.
		err := store.InTx(m.t.Context(), m.outbox, func(tx *gorm.DB) error { return tx.Exec("UPDATE outbox SET due_at = 0").Error })
		return err == nil && state() == end
	})
}

func newMarket(t *testing.T, cfg store.Config) *market {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer := token.NewSigner(private, "k", time.Hour, nil)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c := frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster"), Stores: cfg})
	transport := &http.Transport{DisableKeepAlives: true}
	m := &market{
		t: t, random: rand.New(rand.NewPCG(seed, 4)), cluster: c, nodes: map[string]*frameworktest.Node{},
		outbox: storetest.Migrated(t, c.Stores(), "order", migrations.FS("order")),
		books:  player.New(storetest.Migrated(t, c.Stores(), "player", migrations.FS("player")), id.NewGenerator(900, nil), nil),
		tokens: token.NewVerifier(map[string]ed25519.PublicKey{"k": public}, nil, time.Second),
		client: &http.Client{Transport: transport, Timeout: 10 * time.Second}, charges: Defaults(),
	}
	m.charges.Listen, m.charges.Sandbox = "127.0.0.1:0", SandboxConfig{Enabled: true, Key: "a key of the sandbox"}
	m.charges.PerMinute, m.charges.OpenOrders = 1000, 100
	m.orders = order.New(m.outbox, id.NewGenerator(901, nil), nil)
	m.sign = func(p int64) string {
		signed, err := signer.Sign(token.Claims{Account: 1000 + p, Player: p, Area: 1})
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	for p := int64(1); p <= marketPlayers; p++ {
		if _, err := m.books.Load(t.Context(), player.ID(p), 1000+p, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, typ := range []string{api.DB, api.World, api.Charge} {
		m.nodes[typ] = c.Start(node.Config{Type: typ}, m.service(typ))
	}
	return m
}
