package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/serf/serf"
	"go.uber.org/goleak"

	"loumiao/framework/id"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// A probe that waits for its answer when memberlist shuts down waits on until its time is up, a few seconds at most;
		// memberlist offers no way to wait for it or to cut it short.
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe"))
}

var testKey = bytes.Repeat([]byte{7}, KeySize)

// patience is how long a test waits for what must happen; it decides nothing but how long a failure takes.
const patience = 2 * time.Minute

func config(node id.Node, boot id.Boot, seeds ...string) Config {
	return Config{
		Self:      Member{Node: node, Boot: boot, Type: "world", Area: 1, Addr: fmt.Sprintf("127.0.0.1:%d", 20000+int(node)), Version: "test"},
		Join:      seeds,
		GossipKey: testKey,
	}
}

// start is a running cluster that has joined its seeds; the test's end kills it without a leave, unless it has left before.
func start(t *testing.T, cfg Config) *Cluster {
	t.Helper()
	return startOn(t, nil, cfg)
}

// startOn is start on a network that can be cut; nil is the real one.
func startOn(t *testing.T, n *network, cfg Config) *Cluster {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if n != nil {
		c.network = n.join
		if n.forgets {
			c.rejoinEvery = 100 * time.Millisecond
		}
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { crash(t, c) })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Join(ctx, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

func startMany(t *testing.T, n int) []*Cluster {
	t.Helper()
	all := []*Cluster{start(t, config(1, 100))}
	for i := 2; i <= n; i++ {
		all = append(all, start(t, config(id.Node(i), id.Boot(100+i), all[0].Addr())))
	}
	return all
}

// startPatient is startMany for tests in which no node dies, so that none is taken for dead: on a machine that lets them wait, many nodes in
// one process keep suspecting each other.
func startPatient(t *testing.T, n int) []*Cluster {
	t.Helper()
	var all []*Cluster
	var seeds []string
	for i := 1; i <= n; i++ {
		cfg := config(id.Node(i), id.Boot(100+i), seeds...)
		cfg.Stretch = 100
		all = append(all, start(t, cfg))
		seeds = []string{all[0].Addr()}
	}
	return all
}

func crash(t *testing.T, c *Cluster) {
	t.Helper()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Stop(ended); err != nil {
		t.Error(err)
	}
}

// await waits until the condition holds for the view, woken by its changes, and returns the snapshot for which it does. On a starved
// machine a node may be taken for dead a moment later and come back, so what a test looks at next has to be this snapshot.
func await(t *testing.T, v View, what string, holds func(*Snapshot) bool) *Snapshot {
	t.Helper()
	changed := make(chan struct{}, 1)
	stop := v.Watch(func(_, _ *Snapshot) { signal(changed) })
	defer stop()
	deadline := time.After(patience)
	for {
		s := v.Snapshot()
		if holds(s) {
			return s
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("not within %s: %s; members: %+v", patience, what, s.All())
		}
	}
}

func awaitCount(t *testing.T, all []*Cluster, n int) {
	t.Helper()
	for _, c := range all {
		await(t, c, fmt.Sprintf("%d members", n), func(s *Snapshot) bool { return len(s.All()) == n })
	}
}

func TestConverge(t *testing.T) {
	for _, n := range []int{5, 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if n > 5 && testing.Short() {
				t.Skip("twenty nodes are for the long run")
			}
			all := startPatient(t, n)
			began := time.Now()
			var want []Member
			for _, c := range all {
				want = append(want, c.Self())
			}
			for _, c := range all {
				await(t, c, "every node as it is", func(s *Snapshot) bool {
					return slices.Equal(s.All(), want) && slices.Equal(s.ByType("world"), want)
				})
			}
			t.Logf("%d nodes see each other %s after the last has joined", n, time.Since(began))
		})
	}
}

func TestStateReachesOthersAndOneself(t *testing.T) {
	t.Parallel()
	all := startMany(t, 3)
	awaitCount(t, all, 3)
	for _, state := range []State{Standby, Ready, Draining} {
		all[1].SetState(state)
		for _, c := range all {
			await(t, c, "node 2 is "+state.String(), func(s *Snapshot) bool {
				m, ok := s.Node(2)
				return ok && m.State == state
			})
		}
	}
}

func TestStateSetBeforeStartIsTheFirstSeen(t *testing.T) {
	t.Parallel()
	c, err := New(config(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	c.SetState(Ready)
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer crash(t, c)
	if m, ok := c.Snapshot().Node(1); !ok || m.State != Ready {
		t.Errorf("own member right after Start is %+v, %v; want it ready", m, ok)
	}
}

func TestLeaveAndCrashAreSeen(t *testing.T) {
	t.Parallel()
	all := startMany(t, 4)
	awaitCount(t, all, 4)

	began := time.Now()
	if err := all[3].Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitCount(t, all[:3], 3)
	t.Logf("leave seen by all after %s", time.Since(began))
	for _, c := range all[:3] {
		if got := serfStatus(t, c, all[3]); got == serf.StatusAlive {
			t.Errorf("node %s holds the node that left for %s", c.Self().Node, got)
		}
	}

	began = time.Now()
	crash(t, all[2])
	awaitCount(t, all[:2], 2)
	t.Logf("crash seen by all after %s", time.Since(began))
	for _, c := range all[:2] {
		if got := serfStatus(t, c, all[2]); got != serf.StatusFailed {
			t.Errorf("node %s holds the node that crashed for %s", c.Self().Node, got)
		}
	}
}

func serfStatus(t *testing.T, c, of *Cluster) serf.MemberStatus {
	t.Helper()
	s, err := c.running()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.Members() {
		if m.Name == of.Self().Name {
			return m.Status
		}
	}
	t.Fatalf("node %s has never heard of %s", c.Self().Node, of.Self().Name)
	return serf.StatusNone
}

func TestNewerBootWinsAndOlderIsTold(t *testing.T) {
	t.Parallel()
	other := start(t, config(1, 1))
	older := start(t, config(2, 5, other.Addr()))
	await(t, other, "the older boot", func(s *Snapshot) bool { m, _ := s.Node(2); return m.Boot == 5 })
	newer := start(t, config(2, 6, other.Addr()))

	for _, c := range []*Cluster{other, older, newer} {
		await(t, c, "the newer boot", func(s *Snapshot) bool {
			m, _ := s.Node(2)
			return m.Boot == 6 && len(s.All()) == 2
		})
	}
	select {
	case <-older.Lost():
	case <-time.After(patience):
		t.Fatal("the older boot was not told")
	}
	if err := older.Cause(); !errors.Is(err, ErrReplaced) {
		t.Errorf("cause is %v, want ErrReplaced", err)
	}
	for _, c := range []*Cluster{other, newer} {
		if err := c.Cause(); err != nil {
			t.Errorf("node %s boot %s is lost too: %v", c.Self().Node, c.Self().Boot, err)
		}
	}
}

func TestRestartOnAnotherPortIsSeenBeforeTheCrash(t *testing.T) {
	t.Parallel()
	all := startMany(t, 3)
	awaitCount(t, all, 3)
	crash(t, all[2])
	cfg := config(3, 900, all[0].Addr())
	cfg.Self.Addr = "127.0.0.1:29999"
	start(t, cfg)
	for _, c := range all[:2] {
		await(t, c, "node 3 at its new address", func(s *Snapshot) bool {
			m, _ := s.Node(3)
			return m.Boot == 900 && m.Addr == "127.0.0.1:29999"
		})
	}
}

func TestWrongKeyCannotJoin(t *testing.T) {
	t.Parallel()
	inside := start(t, config(1, 1))
	cfg := config(2, 2)
	cfg.GossipKey = bytes.Repeat([]byte{8}, KeySize)
	outside := start(t, cfg)

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := outside.Join(ctx, []string{inside.Addr()}); err == nil {
		t.Error("joined with another gossip key")
	}
	for _, c := range []*Cluster{inside, outside} {
		if got := len(c.Snapshot().All()); got != 1 {
			t.Errorf("node %s sees %d members, want itself alone", c.Self().Node, got)
		}
	}
}

func TestJoinWaitsForASeedThatStartsLater(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free in a moment
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()

	early := start(t, config(1, 1))
	joined := make(chan error, 1)
	go func() { joined <- early.Join(t.Context(), []string{addr}) }()
	cfg := config(2, 2)
	cfg.Bind = addr
	late := start(t, cfg)
	if err := <-joined; err != nil {
		t.Fatal(err)
	}
	awaitCount(t, []*Cluster{early, late}, 2)
}

func TestSeedThatIsNoMemberIsTriedAgain(t *testing.T) {
	t.Parallel()
	seed := start(t, config(1, 1))
	cut, err := New(config(2, 2, seed.Addr())) // as after a split that has lasted until both halves forgot each other
	if err != nil {
		t.Fatal(err)
	}
	cut.rejoinEvery = 20 * time.Millisecond
	if err := cut.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer crash(t, cut)
	awaitCount(t, []*Cluster{seed, cut}, 2)
}

func TestStrangerIsListedAndNeverChosen(t *testing.T) {
	t.Parallel()
	c := start(t, config(1, 1))
	agent, err := serf.Create(strangerConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Shutdown()
	if _, err := agent.Join([]string{c.Addr()}, true); err != nil {
		t.Fatal(err)
	}
	seenBy := await(t, c, "the agent", func(s *Snapshot) bool { return len(s.All()) == 2 })

	last := seenBy.All()[1]
	if last.Name != "agent" || last.Type != "" || last.Node != 0 || last.Addr != "" {
		t.Errorf("the agent is seen as %+v", last)
	}
	if got := seenBy.ByType(""); got != nil {
		t.Errorf("strangers can be chosen by the empty type: %+v", got)
	}
	if _, ok := seenBy.Node(0); ok {
		t.Error("a stranger can be chosen as node 0")
	}
	seen := agent.Members()
	i := slices.IndexFunc(seen, func(m serf.Member) bool { return m.Name == c.Self().Name })
	if i < 0 || seen[i].Tags[tagType] != "world" || seen[i].Tags[tagAddr] != c.Self().Addr {
		t.Errorf("the agent does not see the node with its tags: %+v", seen)
	}
}

func strangerConfig(t *testing.T) *serf.Config {
	t.Helper()
	cfg := config(9, 9).withDefaults()
	keyring, err := loadKeyring("", testKey)
	if err != nil {
		t.Fatal(err)
	}
	lines := &lineLogger{to: cfg.Logger}
	sc := serfConfig(cfg, addresses{bindHost: "127.0.0.1", advertiseHost: "127.0.0.1"}, keyring, lines, nil)
	sc.NodeName = "agent"
	sc.Tags = map[string]string{"role": "laptop", tagNode: "1", tagBoot: "garbage", tagType: "world"}
	return sc
}

func TestObserverHasNoAddress(t *testing.T) {
	t.Parallel()
	c := start(t, config(1, 1))
	cfg := config(2, 2, c.Addr())
	cfg.Observer, cfg.Self.Addr, cfg.Self.Type = true, "", "login"
	start(t, cfg)
	await(t, c, "the observer", func(s *Snapshot) bool {
		m, ok := s.Node(2)
		return ok && m.Type == "login" && m.Addr == ""
	})
}

func TestWatchersSeeEachChangeInOrder(t *testing.T) {
	t.Parallel()
	first := start(t, config(1, 1))
	var mu sync.Mutex
	last, broken := first.Snapshot(), ""
	stop := first.Watch(func(old, new *Snapshot) {
		mu.Lock()
		defer mu.Unlock()
		if old != last || new.Version != old.Version+1 {
			broken = fmt.Sprintf("from version %d to %d after %d", old.Version, new.Version, last.Version)
		}
		last = new
	})
	defer stop()
	all := []*Cluster{first}
	for i := 2; i <= 5; i++ {
		all = append(all, start(t, config(id.Node(i), 1, first.Addr())))
	}
	all[2].SetState(Ready)
	await(t, first, "everything", func(s *Snapshot) bool {
		m, _ := s.Node(3)
		return len(s.All()) == 5 && m.State == Ready
	})
	mu.Lock()
	defer mu.Unlock()
	if broken != "" {
		t.Error(broken)
	}
}

func TestStopIsIdempotentAndNeedsNoStart(t *testing.T) {
	t.Parallel()
	fresh, err := New(config(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := fresh.Stop(t.Context()); err != nil {
		t.Errorf("without a start: %v", err)
	}
	if err := fresh.Start(t.Context()); err == nil {
		t.Error("started after Stop")
	}
	c := start(t, config(2, 2))
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := c.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c.SetState(Ready) // without effect, and without a panic
	if err := c.Join(t.Context(), []string{"127.0.0.1:1"}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("join after stop: %v", err)
	}
	if c.Cause() != nil {
		t.Errorf("an ordered stop counts as a loss: %v", c.Cause())
	}
}

func TestPortTakenSaysWhichAndWhatToDo(t *testing.T) {
	t.Parallel()
	first := start(t, config(1, 1))
	cfg := config(2, 2)
	cfg.Bind = first.Addr()
	second, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer crash(t, second)
	err = second.Start(t.Context())
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte(first.Addr())) {
		t.Errorf("error is %v; want one that names %s", err, first.Addr())
	}
}

func TestLinesBecomeRecords(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	h := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	lines := &lineLogger{to: slog.New(h)}
	std := lines.std()
	std.Printf("[WARN] memberlist: Refuting a suspect message (from: a)")
	std.Printf("[ERR] serf: oops")
	std.Printf("[INFO] serf: EventMemberJoin: a")
	std.Printf("no prefix")
	lines.close()
	std.Printf("[ERR] serf: too late")
	want := `level=WARN msg=gossip from=memberlist says="Refuting a suspect message (from: a)"
level=WARN msg=gossip from=serf says=oops
level=DEBUG msg=gossip from=serf says="EventMemberJoin: a"
level=DEBUG msg=gossip from=gossip says="no prefix"
`
	if out.String() != want {
		t.Errorf("got:\n%swant:\n%s", out.String(), want)
	}
}
