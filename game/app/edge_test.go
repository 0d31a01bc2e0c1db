package app_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"loumiao/game/pb"
	"loumiao/robot/client"
)

// TestStackWithTLS is a stack whose gate has a certificate: clients are sent to addresses with TLS, and get in there; they also compress.
func TestStackWithTLS(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	web := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer web.Close()
	key, err := x509.MarshalPKCS8PrivateKey(web.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, typ string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certFile := file("gate.crt", "CERTIFICATE", web.Certificate().Raw)
	keyFile := file("gate.key", "PRIVATE KEY", key)
	text := strings.Replace(quick, "gate: {", fmt.Sprintf("gate: {tls_cert: %q, tls_key: %q, ", certFile, keyFile), 1)
	trust := web.Client().Transport.(*http.Transport).TLSClientConfig
	s := &stack{dir: t.TempDir(), config: configFile(t, text), options: client.Options{TLS: trust, Compress: true}}
	s.up(t)
	s.printed(t, s.stdout, `tls://127\.0\.0\.1:\d+ wss://127\.0\.0\.1:\d+/`)
	for _, webSocket := range []bool{false, true} {
		p := s.connect(t, "one", webSocket)
		if p.enter().GetProfile().GetPlayer() != p.id {
			t.Error("somebody else's profile")
		}
		long := strings.Repeat("hello ", 1000) // compressed on its way to the gate, and not behind it
		if _, err := try[*pb.GreetReply](p, &pb.Greet{Greeting: long}); err == nil || !strings.Contains(err.Error(), "1 to 80 characters") {
			t.Errorf("a greeting that the world has to find too long: %v", err)
		}
	}
	ticket, err := s.ticket(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	over := ticket.Gates[0].KCP
	if !strings.HasPrefix(over, "kcps://") {
		t.Fatalf("over KCP, clients are sent to %q", over)
	}
	if p := s.connectTo(t, ticket, over, s.options); p.enter().GetProfile().GetPlayer() != p.id {
		t.Error("somebody else's profile")
	}
	s.stop(t)
}
