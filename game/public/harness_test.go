package public

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"loumiao/framework/config"
	"loumiao/framework/fault"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/framework/wire"
	"loumiao/game/api"
	"loumiao/game/area"
	"loumiao/game/pb"
	"loumiao/migrations"
)

const patience = time.Minute // after which something that must happen has not

// A test that kills a leader runs this binary again, with these in the environment.
const (
	envChild  = "PUBLIC_TEST_CHILD" // the gossip address to join at
	envDir    = "PUBLIC_TEST_DIR"
	envPrefix = "PUBLIC_TEST_PREFIX"
	envRedis  = "PUBLIC_TEST_REDIS"
)

func TestMain(m *testing.M) {
	if os.Getenv(envChild) != "" {
		if err := playLeader(); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m,
		// Gossip looks at the other members in turn in a goroutine that ends when the one it looks at has answered or not.
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe"))
}

// A stack is nodes of public among peers that the test plays.
type stack struct {
	t      *testing.T
	stores *store.Stores
	env    node.Env
	peers  *peers
}

func environment(stores *store.Stores, log *slog.Logger) (node.Env, error) {
	registry, err := wire.NewRegistry(pb.Files()...)
	return node.Env{
		Stores: stores, Registry: registry, GossipKey: bytes.Repeat([]byte{1}, 32), LinkKey: bytes.Repeat([]byte{2}, 32), Owned: "player", Log: log,
	}, err
}

func start(t *testing.T, stores *store.Stores) *stack {
	t.Helper()
	for _, owner := range []string{"cluster", "public"} {
		storetest.Migrated(t, stores, owner, migrations.FS(owner))
	}
	env, err := environment(stores, storetest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{t: t, stores: stores, env: env, peers: &peers{players: map[int64]*person{}, changed: make(chan struct{}, 1)}}
	first := s.begin(api.DB, s.peers)
	first.await(t)
	self, _ := first.node.Cluster().Snapshot().Node(first.node.ID())
	s.env.Join = []string{self.Gossip}
	s.begin(api.World, (*crowd)(s.peers)).await(t)
	return s
}

// A running is a node that runs until the end of the test, or end.
type running struct {
	node  *node.Node
	ready chan struct{}
	end   func()
	done  chan error
}

func (r *running) await(t *testing.T) {
	t.Helper()
	select {
	case <-r.ready:
	case err := <-r.done:
		t.Fatalf("the node ended: %v", err)
	case <-time.After(patience):
		t.Fatal("the node does not get ready")
	}
}

// announcing tells when a service is ready.
type announcing struct {
	node.Service
	ready chan struct{}
}

func (a announcing) Ready(ctx context.Context) error {
	if err := a.Service.Ready(ctx); err != nil {
		return err
	}
	close(a.ready)
	return nil
}

func (s *stack) begin(typ string, svc node.Service) *running {
	s.t.Helper()
	r := &running{ready: make(chan struct{}), done: make(chan error, 1)}
	n, err := node.New(s.env, node.Config{Type: typ}, announcing{svc, r.ready})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	r.node, r.end = n, func() { cancel(); <-stopped }
	go func() {
		defer close(stopped)
		r.done <- n.Run(ctx)
	}()
	s.t.Cleanup(r.end)
	return r
}

// settings is a configuration in which nothing but what a test does happens soon.
func settings() Config {
	cfg := Defaults()
	cfg.Ranking.SweepEvery, cfg.Ranking.SweepPause = 50*time.Millisecond, 0
	cfg.Seasons.Cron = ""
	cfg.Seasons.Rewards = []Reward{{To: 1, Gold: 100}, {To: 0, Gold: 10}}
	return cfg
}

// lead starts a node and returns when it leads.
func (s *stack) lead(cfg Config, options ...Option) *running {
	s.t.Helper()
	r := s.standBy(cfg, options...)
	r.await(s.t)
	return r
}

func (s *stack) standBy(cfg Config, options ...Option) *running {
	s.t.Helper()
	return s.begin(api.Public, New(cfg, []uint16{1, 2}, calendars(s.t), options...))
}

func calendars(t *testing.T) *area.Calendars {
	t.Helper()
	c, err := area.NewCalendars(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// try calls, as db does, until somebody leads.
func try[Req, R any](s *stack, call func(context.Context, *rpc.RPC, Req, rpc.Target) (R, error), req Req) (R, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for {
		reply, err := call(ctx, s.peers.node.RPC(), req, rpc.Any)
		if code := fault.CodeOf(err); err != nil && (code == fault.Unavailable || code == fault.Lost) && sleep(ctx, 10*time.Millisecond) {
			continue
		}
		return reply, err
	}
}

func (s *stack) eventually(what string, so func() bool) {
	s.t.Helper()
	for late := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			s.t.Fatalf("it does not come to be that %s", what)
		}
	}
}

// peers is a db whose players the test makes, and, as a crowd, a world.
type peers struct {
	node *node.Node

	mu      sync.Mutex
	players map[int64]*person
	given   int            // operations and mails that had an effect
	hold    func(n int)    // called with given, while nothing is locked
	lines   []*pb.ChatLine // that worlds were told
	listed  int            // how often players were
	hints   int            // of broadcasts
	changed chan struct{}
}

type person struct {
	standing *pb.PlayerStanding
	ops      map[string]int32 // the rating after each
	mails    map[string]map[string]int64
	full     bool // the mailbox is
}

// set makes a player as he is now.
func (p *peers) set(player int64, rating int32, matched int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.players[player]
	if one == nil {
		one = &person{standing: &pb.PlayerStanding{Player: player, Area: 1, Name: fmt.Sprint("p", player), Level: 1}, ops: map[string]int32{}, mails: map[string]map[string]int64{}}
		p.players[player] = one
	}
	s := one.standing
	one.standing = &pb.PlayerStanding{Player: player, Area: s.Area, Name: s.Name, Level: s.Level, Rating: rating, Version: s.Version + 1, MatchedMs: matched}
}

func (p *peers) Start(_ context.Context, n *node.Node) error {
	p.node = n
	rpc.HandleFunc(n, api.ListStandings, p.list)
	rpc.HandleFunc(n, api.ApplyOp, p.apply)
	rpc.HandleFunc(n, api.SendMail, p.mail)
	return nil
}
func (*peers) Ready(context.Context) error { return nil }
func (*peers) Stop(context.Context) error  { return nil }

func (p *peers) list(_ context.Context, m *pb.ListStandings) (*pb.PlayerStandings, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listed++
	var ids []int64
	for id := range p.players {
		if id > m.GetAfter() {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	reply := &pb.PlayerStandings{}
	for _, id := range ids[:min(len(ids), int(m.GetLimit()))] {
		reply.Standings = append(reply.Standings, p.players[id].standing)
	}
	return reply, nil
}

func (p *peers) apply(_ context.Context, m *pb.ApplyOp) (*pb.ApplyReply, error) {
	p.mu.Lock()
	one := p.players[m.GetPlayer()]
	if one == nil {
		p.mu.Unlock()
		return nil, fault.New(fault.NotFound, "no such player")
	}
	rating, done := one.ops[m.GetKey()]
	if !done {
		rating = one.standing.GetRating() + m.GetRating()
	}
	p.mu.Unlock()
	if !done {
		p.set(m.GetPlayer(), rating, one.standing.GetMatchedMs())
		p.mu.Lock()
		one.ops[m.GetKey()] = rating
		p.mu.Unlock()
		p.gave()
	}
	return &pb.ApplyReply{Repeated: done, Rating: rating, Wallet: m.GetWallet()}, nil
}

func (p *peers) mail(_ context.Context, m *pb.SendMail) (*pb.SendMailReply, error) {
	p.mu.Lock()
	one := p.players[m.GetPlayer()]
	if one == nil || one.full {
		p.mu.Unlock()
		if one == nil {
			return nil, fault.New(fault.NotFound, "no such player")
		}
		return nil, fault.New(fault.FailedPrecondition, "the mailbox is full")
	}
	_, done := one.mails[m.GetKey()]
	if !done {
		one.mails[m.GetKey()] = m.GetWallet()
	}
	p.mu.Unlock()
	if !done {
		p.gave()
	}
	return &pb.SendMailReply{Mail: 5, Repeated: done}, nil
}

// gave counts something that had an effect.
func (p *peers) gave() {
	p.mu.Lock()
	p.given++
	n, hold := p.given, p.hold
	p.mu.Unlock()
	if hold != nil {
		hold(n)
	}
}

func (p *peers) look(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
}

// A crowd is the peers as a world.
type crowd peers

func (c *crowd) Start(_ context.Context, n *node.Node) error {
	rpc.HandleFunc(n, api.Said, func(_ context.Context, m *pb.Said) (*pb.Done, error) {
		(*peers)(c).look(func() { c.lines = append(c.lines, m.GetLine()) })
		return &pb.Done{}, nil
	})
	rpc.HandleFunc(n, api.BroadcastSent, func(context.Context, *pb.BroadcastSent) (*pb.Done, error) {
		(*peers)(c).look(func() { c.hints++ })
		return &pb.Done{}, nil
	})
	return nil
}
func (*crowd) Ready(context.Context) error { return nil }
func (*crowd) Stop(context.Context) error  { return nil }

// leadElsewhere starts a node in another process, returns when it leads, and hands over how to kill it.
func (s *stack) leadElsewhere(dir string) (kill func()) {
	s.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envChild+"="+s.env.Join[0], envDir+"="+dir, envPrefix+"="+s.stores.Prefix(), envRedis+"=redis://"+s.stores.RedisAddr())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	kill = sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	s.t.Cleanup(kill)
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "leads" {
		s.t.Fatalf("the other process says %q, %v", lines.Text(), lines.Err())
	}
	return kill
}

// playLeader is that process.
func playLeader() error {
	cfg := store.Config{DataDir: os.Getenv(envDir), Prefix: os.Getenv(envPrefix)}
	cfg.Redis.URL = config.Secret(os.Getenv(envRedis))
	log := slog.New(slog.DiscardHandler)
	stores, err := store.Open(context.Background(), cfg, log)
	if err != nil {
		return err
	}
	env, err := environment(stores, log)
	if err != nil {
		return err
	}
	env.Join = []string{os.Getenv(envChild)}
	days, err := area.NewCalendars(nil)
	if err != nil {
		return err
	}
	svc := announcing{New(settings(), []uint16{1, 2}, days, WithJobs(everySecond())), make(chan struct{})}
	n, err := node.New(env, node.Config{Type: api.Public}, svc)
	if err != nil {
		return err
	}
	go func() {
		<-svc.ready
		fmt.Println("leads")
	}()
	return n.Run(context.Background())
}

// everySecond is a job that runs for ever, until its leader is killed.
func everySecond() Job {
	return Job{Name: "stuck", Cron: "* * * * * *", Run: func(ctx context.Context, _ uint16, _ time.Time) error {
		<-ctx.Done()
		return ctx.Err()
	}}
}

func printed(ranked []*pb.Ranked) string {
	var out []string
	for _, r := range ranked {
		out = append(out, fmt.Sprintf("%d:%s:%d", r.GetPlace(), r.GetName(), r.GetScore()))
	}
	return strings.Join(out, " ")
}
