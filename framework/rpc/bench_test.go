package rpc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	netrpc "net/rpc"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
)

// Benchmarks run against a second process, which is this test binary again:
//
//	go test ./framework/rpc -run '^$' -bench . -benchtime 1s
//
// Each size of the crowd is measured for ours on goroutines, on the link's reader and on an actor, net/rpc over one connection, and a plain echo over one TCP connection a caller, one after the other.
// cpu-ns/op is what both processes together spent, in user mode and in the kernel: the figure to judge by where other work shares the machine. With -cpuprofile, set
// RPC_BENCH_PEER_PROFILE to a file name for that of the second process. Both processes hold 32 MB, as a node with some state does: the collector of an empty one would run hundreds of times a
// second, for every contender.

const (
	peerEnv        = "RPC_BENCH_PEER"
	peerProfileEnv = "RPC_BENCH_PEER_PROFILE"
)

var (
	echoFunc   = Method[*wrapperspb.BytesValue, *wrapperspb.BytesValue]("peer.EchoFunc")
	echoInline = Method[*wrapperspb.BytesValue, *wrapperspb.BytesValue]("peer.EchoInline")
	echoActor  = Method[*wrapperspb.BytesValue, *wrapperspb.BytesValue]("peer.EchoActor")
	swallow    = Method[*wrapperspb.BytesValue, *emptypb.Empty]("peer.Swallow")
	swallowed  = Method[*emptypb.Empty, *wrapperspb.Int64Value]("peer.Swallowed")
	peerCPU    = Method[*emptypb.Empty, *wrapperspb.Int64Value]("peer.CPU")
)

// state stands in for what a node holds.
func state() []byte { return make([]byte, 32<<20) }

// peerAddrs is what the second process says about itself.
type peerAddrs struct {
	Member   cluster.Member
	Net, Raw string
}

// NetEcho is net/rpc's way to write a service.
type NetEcho struct{}

// Echo answers with what it got.
func (NetEcho) Echo(in []byte, out *[]byte) error { *out = in; return nil }

type sink struct{ n int64 }

// servePeer is the second process; it ends with its standard input.
func servePeer() {
	var t peerT
	held := state()
	defer runtime.KeepAlive(held)
	if name := os.Getenv(peerProfileEnv); name != "" {
		f, err := os.Create(name)
		t.check(err)
		t.check(pprof.StartCPUProfile(f))
		defer pprof.StopCPUProfile()
	}
	n := startNode(&t, cluster.NewStatic(), 2, "peer")
	HandleFunc(n, echoFunc, func(_ context.Context, m *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) { return m, nil })
	HandleFunc(n, echoInline, func(_ context.Context, m *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) { return m, nil }, Inline())
	HandleFunc(n, peerCPU, func(context.Context, *emptypb.Empty) (*wrapperspb.Int64Value, error) {
		return wrapperspb.Int64(int64(cpuTime())), nil
	})
	var echoRef, sinkRef actor.Ref
	b := actor.NewBehavior[sink]()
	HandleActor(n, func() actor.Ref { return echoRef }, b, echoActor, func(_ *sink, _ *actor.Context, m *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
		return m, nil
	})
	echoRef, err := actor.Spawn(n.actors, "echo", b, &sink{}, actor.Options{Mailbox: 1 << 16})
	t.check(err)
	b = actor.NewBehavior[sink]()
	HandleActor(n, func() actor.Ref { return sinkRef }, b, swallow, func(s *sink, _ *actor.Context, _ *wrapperspb.BytesValue) (*emptypb.Empty, error) {
		s.n++
		return nil, nil
	})
	HandleActor(n, func() actor.Ref { return sinkRef }, b, swallowed, func(s *sink, _ *actor.Context, _ *emptypb.Empty) (*wrapperspb.Int64Value, error) {
		return wrapperspb.Int64(s.n), nil
	})
	sinkRef, err = actor.Spawn(n.actors, "sink", b, &sink{}, actor.Options{Mailbox: 1 << 20})
	t.check(err)

	nl, err := net.Listen("tcp", "127.0.0.1:0")
	t.check(err)
	ns := netrpc.NewServer()
	t.check(ns.Register(NetEcho{}))
	go ns.Accept(nl)

	rl, err := net.Listen("tcp", "127.0.0.1:0")
	t.check(err)
	go func() {
		for {
			c, err := rl.Accept()
			if err != nil {
				return
			}
			go func() {
				b := make([]byte, 64)
				for {
					if _, err := io.ReadFull(c, b); err != nil {
						return
					}
					_, _ = c.Write(b)
				}
			}()
		}
	}()
	_ = json.NewEncoder(os.Stdout).Encode(peerAddrs{n.member, nl.Addr().String(), rl.Addr().String()})
	_, _ = io.Copy(io.Discard, os.Stdin)
}

type peerT struct{ testing.TB }

func (peerT) Helper()           {}
func (peerT) Fatal(args ...any) { fmt.Fprintln(os.Stderr, args...); os.Exit(1) }
func (t *peerT) check(err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func startPeer(b *testing.B) peerAddrs {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), peerEnv+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		b.Fatal(err)
	}
	var addrs peerAddrs
	if err := json.Unmarshal(line, &addrs); err != nil {
		b.Fatal(err)
	}
	return addrs
}

// spent is the processor time of both processes so far.
func spent(b *testing.B, n *testNode) time.Duration {
	v, err := peerCPU.Call(context.Background(), n.rpc, &emptypb.Empty{}, Any)
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(v.Value) + cpuTime()
}

// crowd runs b.N calls from n callers and reports their rate, their cost and, for one caller, their times.
func crowd(b *testing.B, r *testNode, n int, call func(caller int) error) {
	b.ReportAllocs()
	if err := call(0); err != nil { // connect
		b.Fatal(err)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	var times []time.Duration
	var wg sync.WaitGroup
	before := spent(b, r)
	b.ResetTimer()
	for i := range n {
		wg.Go(func() {
			var start time.Time
			for left.Add(-1) >= 0 {
				if n == 1 {
					start = time.Now()
				}
				if err := call(i); err != nil {
					b.Error(err)
					return
				}
				if n == 1 {
					times = append(times, time.Since(start))
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(spent(b, r)-before)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1000, "k/s")
	if n == 1 {
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2])/1000, "p50-us")
		b.ReportMetric(float64(times[len(times)*99/100])/1000, "p99-us")
	}
}

func BenchmarkCall(b *testing.B) {
	held := state()
	defer runtime.KeepAlive(held)
	addrs := startPeer(b)
	view := cluster.NewStatic(addrs.Member)
	r := newNode(b, view, 1, "caller")
	payload := bytes.Repeat([]byte{7}, 62) // 64 bytes as a BytesValue
	ours := func(m MethodDef[*wrapperspb.BytesValue, *wrapperspb.BytesValue]) func(*testing.B, int) func(int) error {
		return func(*testing.B, int) func(int) error {
			return func(int) error {
				reply, err := m.Call(context.Background(), r.rpc, &wrapperspb.BytesValue{Value: payload}, Any)
				if err == nil && !bytes.Equal(reply.Value, payload) {
					err = fmt.Errorf("wrong reply %v", reply)
				}
				return err
			}
		}
	}
	contenders := []struct {
		name string
		make func(b *testing.B, callers int) func(caller int) error
	}{
		{"func", ours(echoFunc)},
		{"inline", ours(echoInline)},
		{"actor", ours(echoActor)},
		{"net-rpc", func(b *testing.B, _ int) func(int) error {
			c, err := netrpc.Dial("tcp", addrs.Net)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { c.Close() })
			return func(int) error {
				var out []byte
				err := c.Call("NetEcho.Echo", payload, &out)
				if err == nil && !bytes.Equal(out, payload) {
					err = fmt.Errorf("wrong reply %v", out)
				}
				return err
			}
		}},
		{"raw-tcp", func(b *testing.B, n int) func(int) error {
			conns := make([]net.Conn, n)
			for i := range conns {
				c, err := net.Dial("tcp", addrs.Raw)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { c.Close() })
				conns[i] = c
			}
			frame := bytes.Repeat([]byte{7}, 64)
			return func(i int) error {
				var in [64]byte
				if _, err := conns[i].Write(frame); err != nil {
					return err
				}
				_, err := io.ReadFull(conns[i], in[:])
				return err
			}
		}},
	}
	for _, n := range []int{1, 64, 512} {
		for _, c := range contenders {
			b.Run(fmt.Sprintf("callers=%d/%s", n, c.name), func(b *testing.B) { crowd(b, r, n, c.make(b, n)) })
		}
	}
}

// One-way messages from one sender, until the last has been handled.
func BenchmarkSend(b *testing.B) {
	held := state()
	defer runtime.KeepAlive(held)
	addrs := startPeer(b)
	r := newNode(b, cluster.NewStatic(addrs.Member), 1, "caller")
	payload := bytes.Repeat([]byte{7}, 62)
	ctx := context.Background()
	handled := func() int64 {
		v, err := swallowed.Call(ctx, r.rpc, &emptypb.Empty{}, Any)
		if err != nil && fault.CodeOf(err) != fault.Overloaded {
			b.Fatal(err)
		}
		return v.GetValue()
	}
	b.ReportAllocs()
	before, cpu := handled(), spent(b, r)
	msg := &wrapperspb.BytesValue{Value: payload}
	n := 0
	for b.Loop() {
		for {
			err := swallow.Send(ctx, r.rpc, msg, Any)
			if err == nil {
				break
			}
			if fault.CodeOf(err) != fault.Overloaded {
				b.Fatal(err)
			}
			time.Sleep(100 * time.Microsecond)
		}
		if n++; n%100000 == 0 { // the mailbox there is bounded: do not outrun it
			for int64(n)-(handled()-before) > 500000 {
				time.Sleep(100 * time.Microsecond)
			}
		}
	}
	for handled()-before < int64(n) {
		time.Sleep(100 * time.Microsecond)
	}
	b.ReportMetric(float64(spent(b, r)-cpu)/float64(n), "cpu-ns/op")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1000, "k/s")
}
