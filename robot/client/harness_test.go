package client_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/udp/udptest"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
	"loumiao/robot/client"
	"loumiao/robot/internal/fakegate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, udptest.Library()...) }

const patience = 30 * time.Second // for what must happen

func registry(t testing.TB) *wire.Registry {
	t.Helper()
	r, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// background is a context for what must happen.
func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// A table is one session: the client, and the gate's end, which the test speaks for.
type table struct {
	*client.Conn
	t      testing.TB
	gate   *fakegate.Session
	pushes chan proto.Message // what OnPush got
}

// each runs a test over TCP and WebSocket, with protobuf and JSON, whole and split.
func each(t *testing.T, test func(*testing.T, *table)) {
	t.Helper()
	for name, how := range map[string]struct {
		ws, kcp, json bool
		piece         int
	}{
		"tcp":          {},
		"tcp split":    {piece: 1},
		"tcp json":     {json: true, piece: 7},
		"ws":           {ws: true},
		"ws fragments": {ws: true, piece: 5},
		"ws json":      {ws: true, json: true},
		"kcp":          {kcp: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way := byTCP
			switch {
			case how.ws:
				way = byWS
			case how.kcp:
				way = byKCP
			}
			test(t, sitBy(t, way, how.piece, client.Options{JSON: how.json}))
		})
	}
}

// Ways to a gate.
func byTCP(g *fakegate.Gate) string { return g.TCP }
func byWS(g *fakegate.Gate) string  { return g.WS }
func byKCP(g *fakegate.Gate) string { return g.KCP }

// sit opens a session. What the gate says in Welcome can be changed.
func sit(t testing.TB, ws bool, piece int, opts client.Options, change ...func(*wirepb.Welcome)) *table {
	t.Helper()
	if ws {
		return sitBy(t, byWS, piece, opts, change...)
	}
	return sitBy(t, byTCP, piece, opts, change...)
}

// sitBy is sit by any way.
func sitBy(t testing.TB, way func(*fakegate.Gate) string, piece int, opts client.Options, change ...func(*wirepb.Welcome)) *table {
	t.Helper()
	tb := &table{t: t, pushes: make(chan proto.Message, 4096)}
	opts.Registry = registry(t)
	opts.OnPush = func(m proto.Message) { tb.pushes <- m }
	gate := fakegate.Start(t, opts.Registry)
	dialled := dial(t, way(gate), opts)
	tb.gate = <-gate.Sessions
	tb.gate.Piece = piece
	tb.must(tb.gate.Open(change...))
	conn, err := dialled()
	tb.must(err)
	tb.Conn = conn
	return tb
}

// dial dials while the test plays the gate, and returns how to wait for the outcome. The connection is closed at the end of the test.
func dial(t testing.TB, addr string, opts client.Options) func() (*client.Conn, error) {
	ctx, done := background(t), make(chan struct{})
	var conn *client.Conn
	var err error
	go func() {
		defer close(done)
		conn, err = client.Dial(ctx, addr, opts)
	}()
	t.Cleanup(func() {
		<-done
		if conn != nil {
			_ = conn.Close()
		}
	})
	return func() (*client.Conn, error) {
		<-done
		return conn, err
	}
}

func (tb *table) must(err error) {
	tb.t.Helper()
	if err != nil {
		tb.t.Fatal(err)
	}
}

// asked is the client's next request.
func (tb *table) asked() fakegate.Frame {
	tb.t.Helper()
	f, err := tb.gate.Expect(wire.Request)
	tb.must(err)
	return f
}

// next is the next frame of the client's, of whatever kind.
func (tb *table) next() fakegate.Frame {
	tb.t.Helper()
	f, err := tb.gate.Read()
	tb.must(err)
	return f
}

// start sends a request to the world, or what m is for.
func (tb *table) start(m proto.Message) func(context.Context) (proto.Message, error) {
	tb.t.Helper()
	wait, err := client.Start[proto.Message](tb.Conn, m)
	tb.must(err)
	return wait
}

// pushed is the next push that the client got.
func (tb *table) pushed() proto.Message {
	tb.t.Helper()
	select {
	case m := <-tb.pushes:
		return m
	case <-tb.Done():
		select {
		case m := <-tb.pushes: // it came before the end
			return m
		default:
		}
		tb.t.Fatalf("the connection ended before the push came: %v", tb.Err())
	case <-time.After(patience):
		tb.t.Fatal("the push did not come")
	}
	return nil
}

// settle returns when the client has read everything that the gate has sent.
func (tb *table) settle() {
	tb.t.Helper()
	wait := tb.start(&pb.EnterQueue{})
	tb.gate.Refuse(tb.asked(), fault.New(fault.NotFound, "settled"))
	if _, err := wait(background(tb.t)); fault.CodeOf(err) != fault.NotFound {
		tb.t.Fatal(err)
	}
}

// ended waits for the end of the connection and returns why.
func (tb *table) ended() error {
	tb.t.Helper()
	select {
	case <-tb.Done():
	case <-time.After(patience):
		tb.t.Fatal("the connection does not end")
	}
	return tb.Err()
}

// isCode fails the test unless err has the code.
func isCode(t testing.TB, err error, want fault.Code) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
