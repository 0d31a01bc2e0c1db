package peers

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"storj.io/drpc"
	"storj.io/drpc/drpcconn"
	"storj.io/drpc/drpcmux"
	"storj.io/drpc/drpcpool"
	"storj.io/drpc/drpcserver"

	"loumiao/scripts/bench/harness"
)

// The service as protoc-gen-go-drpc would describe it.
type (
	drpcService  struct{ host *harness.Host }
	drpcMethods  struct{}
	drpcEncoding struct{}
)

func (drpcEncoding) Marshal(m drpc.Message) ([]byte, error) { return proto.Marshal(m.(proto.Message)) }

func (drpcEncoding) Unmarshal(b []byte, m drpc.Message) error {
	return proto.Unmarshal(b, m.(proto.Message))
}

func (drpcService) echo(_ context.Context, m *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
	return m, nil
}

func (s drpcService) sink(stream drpc.Stream) error {
	for {
		m := &wrapperspb.BytesValue{}
		if err := stream.MsgRecv(m, drpcEncoding{}); err != nil {
			return err
		}
		s.host.Check(m.Value)
		s.host.Handled.Add(1)
	}
}

func (drpcMethods) NumMethods() int { return 2 }

func (drpcMethods) Method(n int) (string, drpc.Encoding, drpc.Receiver, any, bool) {
	switch n {
	case 0:
		return "/bench.Echo/Echo", drpcEncoding{}, func(s any, ctx context.Context, in, _ any) (drpc.Message, error) {
			return s.(drpcService).echo(ctx, in.(*wrapperspb.BytesValue))
		}, drpcService.echo, true
	case 1:
		return "/bench.Echo/Sink", drpcEncoding{}, func(s any, _ context.Context, stream, _ any) (drpc.Message, error) {
			return &emptypb.Empty{}, s.(drpcService).sink(stream.(drpc.Stream))
		}, drpcService.sink, true
	}
	return "", nil, nil, nil, false
}

// ServeDRPC is drpc with its defaults.
func ServeDRPC(h *harness.Host) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	mux := drpcmux.New()
	if err := mux.Register(drpcService{h}, drpcMethods{}); err != nil {
		return "", err
	}
	go func() { _ = drpcserver.New(mux).Serve(context.Background(), l) }()
	return l.Addr().String(), nil
}

// DialDRPC has all callers share one connection, which serves one call at a time.
func DialDRPC(e *harness.Env, _ int) (*harness.Caller, error) {
	c, err := dialDRPC(e.Servers[0].Addr)
	if err != nil {
		return nil, err
	}
	return drpcCaller(c), nil
}

// DialDRPCPool has callers take connections from the library's pool, as its documentation has it for calls at the same time.
func DialDRPCPool(e *harness.Env, callers int) (*harness.Caller, error) {
	pool := drpcpool.New[string, drpcpool.Conn](drpcpool.Options{KeyCapacity: callers})
	conn := pool.Get(context.Background(), e.Servers[0].Addr, func(_ context.Context, addr string) (drpcpool.Conn, error) { return dialDRPC(addr) })
	c := drpcCaller(conn)
	stop := c.Close
	c.Close = func() { stop(); pool.Close() }
	return c, nil
}

func dialDRPC(addr string) (*drpcconn.Conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return drpcconn.New(c), nil
}

func drpcCaller(c drpc.Conn) *harness.Caller {
	ctx, cancel := context.WithCancel(context.Background())
	payload := []byte(harness.Payload[:inField])
	var sink drpc.Stream
	return &harness.Caller{
		Call: func(int) error {
			out := &wrapperspb.BytesValue{}
			err := c.Invoke(ctx, "/bench.Echo/Echo", drpcEncoding{}, &wrapperspb.BytesValue{Value: payload}, out)
			if err == nil && string(out.Value) != string(payload) {
				err = fmt.Errorf("%w: %v", errAnswer, out)
			}
			return err
		},
		Send: func() (err error) {
			if sink == nil {
				if sink, err = c.NewStream(ctx, "/bench.Echo/Sink", drpcEncoding{}); err != nil {
					return err
				}
			}
			return sink.MsgSend(&wrapperspb.BytesValue{Value: payload}, drpcEncoding{})
		},
		Close: func() {
			cancel()
			if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				return
			}
		},
	}
}
