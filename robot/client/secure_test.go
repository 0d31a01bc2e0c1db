package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/tcp"
	"loumiao/framework/gate/ws"
	"loumiao/framework/link"
	"loumiao/framework/wire"
	"loumiao/game/pb"
	"loumiao/robot/client"
)

// selfSigned is a server for 127.0.0.1 and a client that trusts it: those of net/http's own tests.
func selfSigned(t *testing.T) (server, trusting *tls.Config) {
	t.Helper()
	web := httptest.NewTLSServer(http.NotFoundHandler())
	defer web.Close()
	return &tls.Config{Certificates: web.TLS.Certificates}, web.Client().Transport.(*http.Transport).TLSClientConfig
}

// realGate is a gate that lets everybody in and leads nowhere.
func realGate(t *testing.T, change func(*gate.Config), listen ...gate.Transport) *gate.Gate {
	t.Helper()
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		t.Fatal(err)
	}
	self := link.Peer{Node: 1, Boot: 1, Type: "gate"}
	cfg := gate.Config{
		Self: self, Registry: registry, View: cluster.NewStatic(), Links: link.Config{Self: self, Key: bytes.Repeat([]byte{7}, link.KeySize)},
		Routes: []gate.Route{{Type: "world", Stream: 3}},
	}
	for _, transport := range listen {
		cfg.Listen = append(cfg.Listen, gate.Listen{Transport: transport, Addr: "127.0.0.1:0"})
	}
	if change != nil {
		change(&cfg)
	}
	g, err := gate.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Start(t.Context()), g.Open(t.Context())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := g.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return g
}

func TestDialOverTLS(t *testing.T) {
	t.Parallel()
	server, trusting := selfSigned(t)
	overTCP, overWS := tcp.New(tcp.Config{TLS: server}), ws.New(ws.Config{TLS: server})
	realGate(t, nil, overTCP, overWS)
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		t.Fatal(err)
	}
	for name, addr := range map[string]string{"tls": "tls://" + overTCP.Addr().String(), "wss": "wss://" + overWS.Addr().String() + "/"} {
		t.Run(name, func(t *testing.T) {
			c, err := client.Dial(t.Context(), addr, client.Options{Registry: registry, TLS: trusting})
			if err != nil {
				t.Fatal(err)
			}
			if c.Session() == 0 {
				t.Error("no session")
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if _, err := client.Dial(t.Context(), addr, client.Options{Registry: registry}); fault.CodeOf(err) != fault.Unavailable {
				t.Errorf("a gate with a certificate that nobody vouches for: %v", err)
			}
		})
	}
}

func TestAddressOverTCP(t *testing.T) {
	t.Parallel()
	for tcp, want := range map[string]string{"": "", "127.0.0.1:7001": "tcp://127.0.0.1:7001", "tls://gate.example.com:7001": "tls://gate.example.com:7001"} {
		if got := (client.Address{TCP: tcp}).OverTCP(); got != want {
			t.Errorf("%q is dialled as %q, want %q", tcp, got, want)
		}
	}
}
