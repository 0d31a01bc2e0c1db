package gate

import (
	"strings"
	"testing"
)

func TestAddressesThatClientsAreTold(t *testing.T) {
	t.Parallel()
	const own = "10.0.0.5:7001"
	secure := Config{TLSCert: "cert", TLSKey: "key"}
	behind := Config{
		MinClient: "1.2.3-beta", WSOrigins: []string{"https://play.example.com", "http://localhost:3000", "capacitor://localhost", "http://[::1]:3000"},
		TCPURL: "tls://play.example.com:443", WSURL: "wss://play.example.com/ws"}
	for name, test := range map[string]struct {
		cfg     Config
		tcp, ws string
	}{
		"plain":              {Config{}, own, "ws://" + own + "/"},
		"a public name":      {Config{Public: "g1.example.com"}, "g1.example.com:7001", "ws://g1.example.com:7001/"},
		"TLS":                {secure, "tls://" + own, "wss://" + own + "/"},
		"a load balancer":    {behind, "tls://play.example.com:443", "wss://play.example.com/ws"},
		"one that adds none": {Config{TCPURL: "tcp://play.example.com:7001", TLSCert: "cert", TLSKey: "key"}, "play.example.com:7001", "wss://" + own + "/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := test.cfg.Validate(); err != nil {
				t.Error(err)
			}
			if got := test.cfg.tcpAddress(own); got != test.tcp {
				t.Errorf("over TCP %q, want %q", got, test.tcp)
			}
			if got := test.cfg.wsAddress(own); got != test.ws {
				t.Errorf("over WebSocket %q, want %q", got, test.ws)
			}
		})
	}
}

func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cfg  Config
		want string
	}{
		"no port":             {Config{TCP: "127.0.0.1"}, "tcp:"},
		"no key":              {Config{TLSCert: "cert"}, "tls_cert and tls_key"},
		"no certificate":      {Config{TLSKey: "key"}, "tls_cert and tls_key"},
		"another scheme":      {Config{TCPURL: "http://play.example.com"}, "tcp_url"},
		"no host":             {Config{WSURL: "wss:///ws"}, "ws_url"},
		"an address, no URL":  {Config{TCPURL: "play.example.com:7001"}, "tcp_url"},
		"no network":          {Config{Proxies: []string{"10.0.0.0/8", "10.0.0.1"}}, "proxies"},
		"bits of a host":      {Config{Proxies: []string{"10.0.0.1/8"}}, "proxies"},
		"no version":          {Config{MinClient: "new"}, "min_client:"},
		"an origin's path":    {Config{WSOrigins: []string{"https://play.example.com", "https://play.example.com/"}}, "ws_origins[1]:"},
		"an origin's host":    {Config{WSOrigins: []string{"play.example.com"}}, "ws_origins[0]:"},
		"any origin":          {Config{WSOrigins: []string{"*"}}, "ws_origins[0]:"},
		"an origin's letters": {Config{WSOrigins: []string{"https://Play.example.com"}}, "ws_origins[0]:"},
		"a port of its own":   {Config{WSOrigins: []string{"https://play.example.com:443"}}, "ws_origins[0]:"},
		"a URL for the other": {Config{WSURL: "tls://play.example.com:7001"}, "ws_url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := test.cfg.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want something about %q", err, test.want)
			}
		})
	}
}

// TestGatesOfAPod wants the addresses of all gates of a pod to differ, or the configuration to be refused.
func TestGatesOfAPod(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tcp, ws string
		gates   int
		want    string // in the error; "": there is none
	}{
		"neighbours":             {"127.0.0.1:7001", "127.0.0.1:7002", 64, ""},
		"neighbours, ws first":   {"127.0.0.1:7002", "127.0.0.1:7001", 64, ""},
		"the same":               {"127.0.0.1:7001", "127.0.0.1:7001", 1, "gate.tcp and gate.ws"},
		"the second gate's":      {"127.0.0.1:7001", "127.0.0.1:7003", 2, "gate.tcp and gate.ws"},
		"one gate only":          {"127.0.0.1:7001", "127.0.0.1:7003", 1, ""},
		"the third gate's":       {"127.0.0.1:7005", "127.0.0.1:7001", 3, "gate.tcp and gate.ws"},
		"far enough for two":     {"127.0.0.1:7005", "127.0.0.1:7001", 2, ""},
		"any free ports":         {"127.0.0.1:0", "127.0.0.1:0", 8, ""},
		"other hosts":            {"127.0.0.1:7001", "127.0.0.2:7001", 8, ""},
		"a wildcard":             {":7001", "127.0.0.2:7001", 1, "gate.tcp and gate.ws"},
		"names":                  {"here:7001", "there:7001", 1, "gate.tcp and gate.ws"},
		"no WebSocket":           {"127.0.0.1:7001", "", 8, ""},
		"the last port":          {"127.0.0.1:65533", "", 2, ""},
		"beyond the last port":   {"127.0.0.1:65533", "", 3, "gate.tcp"},
		"beyond it by WebSocket": {"", "127.0.0.1:65535", 2, "gate.ws"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Config{TCP: test.tcp, WS: test.ws}.ValidatePod(test.gates)
			if test.want != "" {
				if err == nil || !strings.HasPrefix(err.Error(), test.want+": ") {
					t.Errorf("got %v, want something about %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Error(err)
			}
			seen := map[string]bool{"127.0.0.1:0": false}
			for i := range test.gates {
				for _, addr := range []string{shifted(test.tcp, i), shifted(test.ws, i)} {
					if seen[addr] {
						t.Errorf("gate %d has the address %s of another one", i, addr)
					}
					seen[addr] = addr != "" && addr != "127.0.0.1:0"
				}
			}
		})
	}
}
