package gate

import (
	"strings"
	"testing"
)

func TestAddressesThatClientsAreTold(t *testing.T) {
	t.Parallel()
	const own = "10.0.0.5:7001"
	secure := Config{TLSCert: "cert", TLSKey: "key"}
	behind := Config{TCPURL: "tls://play.example.com:443", WSURL: "wss://play.example.com/ws"}
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
