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

	"loumiao/framework/cluster"
	"loumiao/framework/config"
	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/framework/wire"
	"loumiao/game/api"
	"loumiao/game/area"
	"loumiao/game/pb"
	"loumiao/game/store/player"
	"loumiao/migrations"
)

const patience = time.Minute // after which something that must happen has not

// A test that kills a leader runs this binary again, with these in the environment.
const (
	envChild  = "PUBLIC_TEST_CHILD" // the gossip address to join at
	envDir    = "PUBLIC_TEST_DIR"
	envPrefix = "PUBLIC_TEST_PREFIX"
	envRedis  = "PUBLIC_TEST_REDIS"
	envSeason = "PUBLIC_TEST_SEASON" // when seasons end, as cron has it
)

func TestMain(m *testing.M) {
	if os.Getenv(envChild) != "" {
		if err := playLeader(); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		return
	}
	frameworktest.Main(m)
}

// A stack is nodes of public among peers that the test plays.
type stack struct {
	*frameworktest.Cluster
	t     *testing.T
	peers *peers
}

func start(t *testing.T, stores *store.Stores) *stack {
	t.Helper()
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		t.Fatal(err)
	}
	c := frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster"), Shared: stores, Registry: registry})
	storetest.Migrated(t, stores, "public", migrations.FS("public"))
	s := &stack{Cluster: c, t: t, peers: &peers{players: map[int64]*person{}, changed: make(chan struct{}, 1)}}
	c.Start(node.Config{Type: api.DB}, s.peers)
	c.Start(node.Config{Type: api.World}, (*crowd)(s.peers))
	return s
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
func (s *stack) lead(cfg Config, options ...Option) *frameworktest.Node {
	s.t.Helper()
	n := s.standBy(cfg, options...)
	n.Ready()
	s.eventually("it knows that the world is ready", func() bool {
		worlds := n.Cluster().Snapshot().ByType(api.World)
		return len(worlds) == 1 && worlds[0].State == cluster.Ready
	})
	return n
}

func (s *stack) standBy(cfg Config, options ...Option) *frameworktest.Node {
	s.t.Helper()
	return s.Begin(node.Config{Type: api.Public}, New(cfg, []uint16{1, 2}, calendars(s.t), options...))
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
	frameworktest.Eventually(s.t, what, so)
}

// peers is a db whose players the test makes, and, as a crowd, a world.
type peers struct {
	node   *node.Node
	erases *player.Store // what is erased of players, if there are such

	mu      sync.Mutex
	players map[int64]*person
	given   int            // operations and mails that had an effect
	hold    func(n int)    // called with given, while nothing is locked
	lines   []*pb.ChatLine // that worlds were told
	newest  int64          // broadcast that worlds were told of
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
	rpc.HandleFunc(n, api.ErasePlayer, func(ctx context.Context, m *pb.ErasePlayer) (*pb.Done, error) {
		return &pb.Done{}, p.erases.ErasePlayer(ctx, player.ID(m.GetPlayer()))
	})
	return nil
}
func (*peers) Ready(context.Context) error { return nil }
func (*peers) Stop(context.Context) error  { return nil }

func (p *peers) list(_ context.Context, m *pb.ListStandings) (*pb.PlayerStandings, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
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
	rpc.HandleFunc(n, api.BroadcastSent, func(_ context.Context, m *pb.BroadcastSent) (*pb.Done, error) {
		(*peers)(c).look(func() { c.newest = m.GetNewest() })
		return &pb.Done{}, nil
	})
	return nil
}
func (*crowd) Ready(context.Context) error { return nil }
func (*crowd) Stop(context.Context) error  { return nil }

// leadElsewhere starts a node in another process, returns when it leads, and hands over how to kill it: with SIGKILL. season is when its seasons end, as cron
// has it; empty: never.
func (s *stack) leadElsewhere(dir, season string) (kill func()) {
	s.t.Helper()
	cmd := exec.Command(os.Args[0])
	self, _ := s.peers.node.Cluster().Snapshot().Node(s.peers.node.ID())
	cmd.Env = append(os.Environ(), envChild+"="+self.Gossip, envDir+"="+dir, envPrefix+"="+s.Stores().Prefix(),
		envRedis+"=redis://"+s.Stores().RedisAddr(), envSeason+"="+season)
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
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		return err
	}
	env := node.Env{ // the keys are those of package frameworktest
		Stores: stores, Registry: registry, GossipKey: bytes.Repeat([]byte{1}, 32), LinkKey: bytes.Repeat([]byte{2}, 32), Owned: "player", Log: log,
		Join: []string{os.Getenv(envChild)},
	}
	days, err := area.NewCalendars(nil)
	if err != nil {
		return err
	}
	public := settings()
	public.Seasons.Cron = os.Getenv(envSeason)
	n, err := node.New(env, node.Config{Type: api.Public}, New(public, []uint16{1, 2}, days, WithJobs(everySecond())))
	if err != nil {
		return err
	}
	go func() {
		for n.State() != cluster.Ready {
			time.Sleep(time.Millisecond)
		}
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
