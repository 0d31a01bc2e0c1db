package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/store/storetest"
	"loumiao/framework/udp/udptest"
	"loumiao/framework/wire"
	"loumiao/game/app"
	"loumiao/game/pb"
	"loumiao/robot/client"
)

const (
	envProgram = "LOUMIAO_TEST_PROGRAM" // makes this test binary the program itself, for children of "up --exec"
	patience   = 2 * time.Minute        // after which something that must happen has not
)

func TestMain(m *testing.M) {
	if os.Getenv(envProgram) != "" {
		environ := os.Environ()
		os.Exit(app.Run(context.Background(), os.Args[1:], environ, os.Stdin, os.Stdout, os.Stderr))
	}
	// fasthttp looks after idle workers in a goroutine that sleeps on for ten seconds after its server has shut down.
	goleak.VerifyTestMain(m, append(udptest.Library(), goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		// Gossip looks at the other members in turn in a goroutine that ends when the one it looks at has answered or not.
		goleak.IgnoreAnyFunction("github.com/hashicorp/memberlist.(*Memberlist).probe"))...)
}

// An output keeps what a program prints, and shows it as it comes. It is safe for concurrent use.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and made anew with each write
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// next is closed when something has been printed after this call.
func (o *output) next() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

// A command is a run of the program, inside this process or in one of its own.
type command struct {
	stdout, stderr *output
	cancel         context.CancelFunc // inside this process
	process        *os.Process        // of its own
	done           chan struct{}
	code           int // once done is closed
}

// begin starts the program and returns at once. It is stopped at the end of the test if it still runs.
func begin(t *testing.T, environ []string, args ...string) *command {
	t.Helper()
	c := &command{stdout: newOutput(), stderr: newOutput(), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	c.cancel = cancel
	go func() {
		defer close(c.done)
		c.code = app.Run(ctx, args, environ, strings.NewReader(""), c.stdout, c.stderr)
	}()
	t.Cleanup(func() {
		cancel()
		c.wait(t)
		if t.Failed() {
			t.Logf("game %s\n%s%s", strings.Join(args, " "), c.stdout, c.stderr)
		}
	})
	return c
}

// spawn starts the program in a process of its own and returns at once. It is killed at the end of the test if it still runs.
func spawn(t *testing.T, environ []string, args ...string) *command {
	t.Helper()
	c := &command{stdout: newOutput(), stderr: newOutput(), done: make(chan struct{})}
	child := exec.Command(os.Args[0], args...)
	child.Env = slices.Concat(os.Environ(), []string{envProgram + "=1"}, environ)
	child.Stdout, child.Stderr = c.stdout, c.stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	c.process = child.Process
	go func() {
		defer close(c.done)
		_ = child.Wait() // says no more than the code
		c.code = child.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		_ = c.process.Kill()
		<-c.done
		if t.Failed() {
			t.Logf("process %d: game %s\n%s%s", c.process.Pid, strings.Join(args, " "), c.stdout, c.stderr)
		}
	})
	return c
}

// run runs the program to its end.
func run(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	c := begin(t, environ, args...)
	c.wait(t)
	return c.code, c.stdout.String(), c.stderr.String()
}

func (c *command) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-c.done:
		return c.code
	case <-time.After(patience):
		t.Fatal("the program does not end")
		return 0
	}
}

// stop ends it as Ctrl-C does, and wants it to end well.
func (c *command) stop(t *testing.T) {
	t.Helper()
	c.cancel()
	if code := c.wait(t); code != 0 {
		t.Fatalf("the program ends with code %d", code)
	}
}

// printed waits until the program has printed something that matches, and returns the first group of it.
func (c *command) printed(t *testing.T, out *output, pattern string) string {
	t.Helper()
	want := regexp.MustCompile(pattern)
	late := time.After(patience)
	for {
		next := out.next()
		if m := want.FindStringSubmatch(out.String()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-next:
		case <-c.done:
			t.Fatalf("the program ended with code %d and has not printed %q", c.code, pattern)
		case <-late:
			t.Fatalf("the program has not printed %q", pattern)
		}
	}
}

// quick is a configuration for tests: any free ports, and matches of two that are over soon; of the types of node that there are, since each can be deleted.
var quick = quickConfig()

func quickConfig() string {
	text := "pod:\n  nodes: {"
	separator := ""
	for _, typ := range []string{"config", "db", "queue", "zone", "match", "world", "account", "gate", "login"} {
		if app.HasType(typ) {
			text += separator + typ + ": 1"
			separator = ", "
		}
	}
	text += "}\nlogin: {listen: 127.0.0.1:0}\ngate: {tcp: 127.0.0.1:0, ws: 127.0.0.1:0, kcp: 127.0.0.1:0}\nqueue: {settle: 100ms}\nlog: {level: warn}\n"
	if app.HasType("zone") {
		text += "zone: {match_seconds: 1, direct: 127.0.0.1:0}\n"
	}
	if app.HasType("match") {
		text += "match:\n  modes:\n    arena: {players: 2, min_players: 2}\n    duel-frame: {players: 2, min_players: 2}\n"
	}
	return text
}

// requires skips a test of what goes with types of node that were deleted.
func requires(t *testing.T, types ...string) {
	t.Helper()
	for _, typ := range types {
		if !app.HasType(typ) {
			t.Skip("there are no nodes of type " + typ)
		}
	}
}

// configFile is a file with the text.
func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A stack is a backend that "up" runs in this process; it can be started again on the same data.
type stack struct {
	*command
	dir, config string
	environ     []string
	login       client.Login
	options     client.Options // what clients say and do besides
}

// eachStack runs test on an embedded stack, and on one with real stores when the environment names them.
func eachStack(t *testing.T, test func(t *testing.T, s *stack)) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, &stack{dir: t.TempDir(), config: configFile(t, quick)})
	})
	if os.Getenv(storetest.EnvSQL) == "" && os.Getenv(storetest.EnvRedis) == "" {
		return
	}
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		cfg := storetest.RealConfig(t)
		environ := []string{"GAME_STACK=" + cfg.Prefix}
		if dsn := cfg.SQL.DSN.Reveal(); dsn != "" {
			environ = append(environ, "GAME_SQL_DSN="+dsn)
		}
		if url := cfg.Redis.URL.Reveal(); url != "" {
			environ = append(environ, "GAME_REDIS_URL="+url)
		}
		test(t, &stack{dir: cfg.DataDir, config: configFile(t, quick), environ: environ})
	})
}

// up starts the stack and waits until it is ready.
func (s *stack) up(t *testing.T, flags ...string) {
	t.Helper()
	s.command = begin(t, s.environ, append([]string{"up", "--data", s.dir, "--config", s.config}, flags...)...)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	s.login = client.Login{
		Base: s.printed(t, s.stdout, `(http://\S+)/v1/guest`),
		HTTP: &http.Client{Transport: transport, Timeout: patience},
	}
	s.printed(t, s.stdout, `ready in`)
}

// A player is a client of a stack.
type player struct {
	*client.Conn
	t      *testing.T
	id     int64
	pushes chan proto.Message
}

// ticket logs the device's player in.
func (s *stack) ticket(ctx context.Context, device string) (*client.Ticket, error) {
	return s.login.Guest(ctx, fmt.Sprintf("device-of-a-test-%s", device), 1)
}

// connect logs the device's player in and opens a session with the one gate, over WebSocket with JSON or over TCP with protobuf.
func (s *stack) connect(t *testing.T, device string, webSocket bool) *player {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticket, err := s.ticket(ctx, device)
	if err != nil {
		t.Fatalf("log in: %v", err)
	}
	if len(ticket.Gates) != 1 || ticket.Gates[0].TCP == "" || ticket.Gates[0].WS == "" {
		t.Fatalf("the login names the gates %+v; there is one, with both ways in", ticket.Gates)
	}
	opts := s.options
	opts.JSON = webSocket
	return s.connectTo(t, ticket, address(ticket.Gates[0], webSocket), opts)
}

func address(gate client.Address, webSocket bool) string {
	if webSocket {
		return gate.WS
	}
	return gate.OverTCP()
}

// connectTo opens a session with a gate.
func (s *stack) connectTo(t *testing.T, ticket *client.Ticket, addr string, opts client.Options) *player {
	t.Helper()
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := &player{t: t, id: ticket.Player, pushes: make(chan proto.Message, 4096)}
	opts.Registry, opts.Token = registry, ticket.Token
	opts.OnPush = func(m proto.Message) {
		select {
		case p.pushes <- m:
		default: // a test that does not look at them
		}
	}
	if p.Conn, err = client.Dial(ctx, addr, opts); err != nil {
		t.Fatalf("connect to %s: %v", addr, err)
	}
	t.Cleanup(func() {
		if err := p.Disorder(); err != nil {
			t.Errorf("player %d: %v", p.id, err)
		}
		_ = p.Close()
	})
	return p
}

// ask is a request that must succeed.
func ask[R proto.Message](p *player, m proto.Message) R {
	p.t.Helper()
	r, err := try[R](p, m)
	if err != nil {
		p.t.Fatalf("%T: %v", m, err)
	}
	return r
}

// try is a request that may fail.
func try[R proto.Message](p *player, m proto.Message) (R, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	return client.Request[R](ctx, p.Conn, m)
}

// await is the next push of type R.
func await[R proto.Message](p *player) R {
	p.t.Helper()
	late := time.After(patience)
	for {
		var none R
		select {
		case m := <-p.pushes:
			if m, ok := m.(R); ok {
				return m
			}
		case <-p.Done():
			p.t.Fatalf("the session ended while %T was to come: %v", none, p.Err())
		case <-late:
			p.t.Fatalf("%T has not come", none)
		}
	}
}

// pass queues until the player is let in.
func (p *player) pass() string {
	p.t.Helper()
	if pass := ask[*pb.QueueStatus](p, &pb.EnterQueue{}).GetPass(); pass != "" {
		return pass
	}
	return await[*pb.Admitted](p).GetPass()
}

// enter queues and enters the world.
func (p *player) enter() *pb.EnterWorldReply {
	p.t.Helper()
	return ask[*pb.EnterWorldReply](p, &pb.EnterWorld{Pass: p.pass()})
}

// ledger is what the player's account statement adds up to, by currency.
func (p *player) ledger() map[string]int64 {
	p.t.Helper()
	sums := map[string]int64{}
	for _, e := range ask[*pb.GetLedgerReply](p, &pb.GetLedger{Limit: 200}).GetEntries() {
		if !strings.HasPrefix(e.GetAsset(), "item:") {
			sums[e.GetAsset()] += e.GetAmount()
		}
	}
	return sums
}

// get is the body at a URL.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport, Timeout: patience}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}
