package peers

import (
	"net"
	"net/rpc"

	"loumiao/scripts/bench/harness"
)

// NetEcho is a service in the way of net/rpc, which wants it exported.
type NetEcho struct{}

// Echo answers with what it got.
func (NetEcho) Echo(in []byte, out *[]byte) error {
	*out = in
	return nil
}

// ServeNetRPC is net/rpc over TCP.
func ServeNetRPC(*harness.Host) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := rpc.NewServer()
	if err := s.Register(NetEcho{}); err != nil {
		return "", err
	}
	go s.Accept(l)
	return l.Addr().String(), nil
}

// DialNetRPC has all callers share one client. It knows no one-way messages.
func DialNetRPC(e *harness.Env, _ int) (*harness.Caller, error) {
	c, err := rpc.Dial("tcp", e.Servers[0].Addr)
	if err != nil {
		return nil, err
	}
	payload := []byte(harness.Payload)
	return &harness.Caller{
		Call: func(int) error {
			var out []byte
			err := c.Call("NetEcho.Echo", payload, &out)
			if err == nil && string(out) != harness.Payload {
				err = errAnswer
			}
			return err
		},
		Close: func() { c.Close() },
	}, nil
}
