package gate_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/internal/selfsigned"
	"loumiao/framework/gate/tcp"
	"loumiao/framework/gate/ws"
	"loumiao/framework/wire"
	"loumiao/framework/wire/wirepb"
)

// proxyHeader is the PROXY header for a client's connection from the address.
func proxyHeader(from string) []byte {
	addr := netip.MustParseAddrPort(from)
	b := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), 0x21, 0x11)
	if addr.Addr().Is6() {
		b[13] = 0x21
	}
	ip := addr.Addr().AsSlice()
	b = binary.BigEndian.AppendUint16(b, uint16(2*len(ip)+4))
	b = append(append(b, ip...), make([]byte, len(ip))...)
	return append(binary.BigEndian.AppendUint16(b, addr.Port()), 0x1b, 0x59)
}

// balanced starts a gate whose ways in, by the names of eachTransport, are behind load balancers of the network.
func balanced(t *testing.T, network string, change func(*gate.Config)) *stack {
	t.Helper()
	server, trust := selfsigned.Pair(t)
	proxies, timeout := []netip.Prefix{netip.MustParsePrefix(network)}, patience
	behind := map[string]gate.Transport{
		"tcp": tcp.New(tcp.Config{Proxies: proxies, HandshakeTimeout: timeout}),
		"tls": tcp.New(tcp.Config{Proxies: proxies, HandshakeTimeout: timeout, TLS: server}),
		"ws":  ws.New(ws.Config{Proxies: proxies, HandshakeTimeout: timeout, Path: "/ws"}),
		"wss": ws.New(ws.Config{Proxies: proxies, HandshakeTimeout: timeout, Path: "/ws", TLS: server}),
	}
	s := start(t, func(c *gate.Config) {
		for _, transport := range behind {
			c.Listen = append(c.Listen, gate.Listen{Transport: transport, Addr: "127.0.0.1:0"})
		}
		if change != nil {
			change(c)
		}
	})
	for name, transport := range behind {
		s.addrs[name] = transport.Addr().String()
	}
	s.tls = trust
	return s
}

func TestABalancersClientsAreWhereItSays(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		if strings.HasPrefix(transport, "kcp") {
			t.Skip("the PROXY protocol is for balancers of connections")
		}
		s := balanced(t, "127.0.0.0/8", func(c *gate.Config) { c.MaxPerAddress = 1 })
		from := func(addr string) *client {
			t.Helper()
			s.preface = proxyHeader(addr)
			return s.dial(t, transport)
		}
		enters := func(c *client) {
			t.Helper()
			c.hello(&wirepb.Hello{Protocol: wire.Version})
			c.welcome()
		}
		first := from("203.0.113.9:4000")
		enters(first)
		enters(from("203.0.113.10:4000"))
		enters(from("[2001:db8::9]:4000"))
		from("203.0.113.9:4001").expectError(wire.Kick, 0, fault.Overloaded)
		from("[2001:db8::a:b]:4000").expectError(wire.Kick, 0, fault.Overloaded) // of the same 64 bits
		first.conn.Close()
		eventually(t, "the place is free", func() bool { return s.Count() == 2 })
		eventually(t, "the address may come again", func() bool {
			c := from("203.0.113.9:4002")
			if err := c.write(wire.Append(nil, wire.Header{Kind: wire.Hello}, c.encode(&wirepb.Hello{Protocol: wire.Version}))); err != nil {
				return false
			}
			f, err := c.recv()
			return err == nil && f.Kind == wire.Welcome
		})
	})
}

func TestABalancerThatOnlyLooks(t *testing.T) {
	t.Parallel()
	s := balanced(t, "127.0.0.0/8", func(c *gate.Config) { c.MaxPerAddress = 1 })
	s.preface = append([]byte("\r\n\r\n\x00\r\nQUIT\n"), 0x20, 0, 0, 0)
	s.enter(t, "tcp", "player:1")
	s.dial(t, "tcp").expectError(wire.Kick, 0, fault.Overloaded) // of its own address
}

func TestAPROXYHeaderFromAnywhereElse(t *testing.T) {
	t.Parallel()
	s := balanced(t, "10.0.0.0/8", nil)
	s.enter(t, "tcp", "player:1") // a client of its own
	s.preface = proxyHeader("203.0.113.9:4000")
	c := s.dial(t, "tcp")
	c.expectError(wire.Kick, 0, fault.TooLarge)
	c.expectEnd()
	for _, transport := range []string{"ws", "tls", "wss"} {
		c, err := net.Dial("tcp", s.addrs[transport])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = c.Write(append(proxyHeader("203.0.113.9:4000"), "\r\n\r\n"...))
		b := make([]byte, 256)
		if n, err := c.Read(b); isTimeout(err) || strings.Contains(string(b[:n]), " 101 ") {
			t.Errorf("%s: got %q and %v", transport, b[:n], err)
		}
	}
}

func TestABalancerWithoutAHeader(t *testing.T) {
	t.Parallel()
	s := balanced(t, "127.0.0.0/8", nil)
	c := s.dial(t, "tcp")
	c.hello(&wirepb.Hello{Protocol: wire.Version}) // a whole frame, as long as the fixed part of a header
	if f, err := c.recv(); err == nil || isTimeout(err) {
		t.Errorf("got %v and %v, want the end", f, err)
	}
}
