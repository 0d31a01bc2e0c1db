package peers

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"loumiao/scripts/bench/harness"
)

const channels = 4 // of the tuned client, which its documentation tells to use several under high load

// The service as protoc-gen-go-grpc would describe it.
func grpcService() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "bench.Echo",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Echo",
			Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				m := &wrapperspb.BytesValue{}
				if err := decode(m); err != nil {
					return nil, err
				}
				return m, nil
			},
		}},
		Streams: []grpc.StreamDesc{{
			StreamName:    "Sink",
			ClientStreams: true,
			Handler: func(host any, stream grpc.ServerStream) error {
				h := host.(*harness.Host)
				for {
					m := &wrapperspb.BytesValue{}
					if err := stream.RecvMsg(m); err != nil {
						if err == io.EOF {
							return stream.SendMsg(&emptypb.Empty{})
						}
						return err
					}
					h.Check(m.Value)
					h.Handled.Add(1)
				}
			},
		}},
	}
}

// ServeGRPC is gRPC with its defaults.
func ServeGRPC(h *harness.Host) (addr string, err error) { return serveGRPC(h) }

// ServeGRPCTuned is gRPC with workers in place of a goroutine a call.
func ServeGRPCTuned(h *harness.Host) (addr string, err error) {
	return serveGRPC(h, grpc.NumStreamWorkers(uint32(runtime.GOMAXPROCS(0))))
}

func serveGRPC(h *harness.Host, opts ...grpc.ServerOption) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := grpc.NewServer(opts...)
	s.RegisterService(grpcService(), h)
	go func() { _ = s.Serve(l) }()
	return l.Addr().String(), nil
}

// DialGRPC has all callers share one client.
func DialGRPC(e *harness.Env, _ int) (*harness.Caller, error) { return dialGRPC(e, 1) }

// DialGRPCTuned spreads callers over several clients.
func DialGRPCTuned(e *harness.Env, callers int) (*harness.Caller, error) {
	return dialGRPC(e, min(callers, channels))
}

func dialGRPC(e *harness.Env, n int) (*harness.Caller, error) {
	conns := make([]*grpc.ClientConn, n)
	for i := range conns {
		c, err := grpc.NewClient("passthrough:///"+e.Servers[0].Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		conns[i] = c
	}
	payload := []byte(harness.Payload[:inField])
	ctx, cancel := context.WithCancel(context.Background())
	var sink grpc.ClientStream
	return &harness.Caller{
		Call: func(i int) error {
			out := &wrapperspb.BytesValue{}
			err := conns[i%n].Invoke(ctx, "/bench.Echo/Echo", &wrapperspb.BytesValue{Value: payload}, out)
			if err == nil && string(out.Value) != string(payload) {
				err = fmt.Errorf("%w: %v", errAnswer, out)
			}
			return err
		},
		Send: func() (err error) {
			if sink == nil {
				if sink, err = conns[0].NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/bench.Echo/Sink"); err != nil {
					return err
				}
			}
			return sink.SendMsg(&wrapperspb.BytesValue{Value: payload})
		},
		Close: func() {
			cancel()
			for _, c := range conns {
				c.Close()
			}
		},
	}, nil
}
