package gate

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"loumiao/framework/gate"
)

// Config is the gate's settings. Addresses with a port other than 0 are those of the first gate of a pod; each
// further one takes ports that are [PortStride] higher.
type Config struct {
	TCP string `yaml:"tcp" doc:"address for clients over TCP, host:port; each further gate of a pod takes a port that is 2 higher; empty: none"`
	WS  string `yaml:"ws" doc:"address for clients over WebSocket, host:port; each further gate of a pod takes a port that is 2 higher; empty: none"`
	KCP string `yaml:"kcp" doc:"address for clients over KCP, host:port of UDP; each further gate of a pod takes a port that is 2 higher; empty: none"`
	// Public names the gate to clients; without it they are told the addresses above.
	Public    string   `yaml:"public" doc:"host that clients are told instead of the ones above"`
	TCPURL    string   `yaml:"tcp_url" doc:"tcp:// or tls:// URL that clients are told, when a load balancer stands before the gate"`
	WSURL     string   `yaml:"ws_url" doc:"WebSocket URL that clients are told, when a proxy stands before the gate"`
	WSOrigins []string `yaml:"ws_origins" doc:"web origins whose pages may connect; empty: all"`
	TLSCert   string   `yaml:"tls_cert" doc:"file of a certificate with its chain, in PEM: all addresses speak TLS; read again when it changes"`
	TLSKey    string   `yaml:"tls_key" doc:"file of the certificate's key, in PEM"`
	Proxies   []string `yaml:"proxies" doc:"networks (10.0.0.0/8) of load balancers whose connections begin with a PROXY protocol header, version 2; empty: none"`

	MinClient     string `yaml:"min_client" doc:"lowest client version that is let in, as 1.2.3; empty: all"`
	MaxSessions   int    `yaml:"max_sessions" min:"1" max:"1000000" doc:"clients that one gate holds"`
	MaxPerAddress int    `yaml:"max_per_address" min:"0" max:"1000000" doc:"connections that one client address may have; 0: no limit, but 1024 over KCP"`

	Compress  int           `yaml:"compress_from" min:"0" max:"1048576" doc:"from how many bytes on a message is compressed for clients that ask for that; 0: never"`
	MaxBody   int           `yaml:"max_body" min:"64" max:"1048576" doc:"largest message body from a client, in bytes"`
	Rate      int           `yaml:"rate" min:"1" max:"100000" doc:"messages a second that a client may send for long"`
	Burst     int           `yaml:"burst" min:"1" max:"100000" doc:"messages that a client may send at once"`
	Grace     time.Duration `yaml:"grace" min:"0s" max:"1h" doc:"how long a player whose connection or gate broke can come back to his session; 0s: not at all"`
	Heartbeat time.Duration `yaml:"heartbeat" min:"1s" max:"10m" doc:"after what silence a client should send a sign of life"`
}

// PortStride is how far the ports of one gate of a pod are from those of the next, so that tcp and ws can be neighbours.
const PortStride = 2

// Defaults is a Config that is good for most games.
func Defaults() Config {
	return Config{MaxSessions: 20_000, Compress: 1024, MaxBody: 16 << 10, Rate: 50, Burst: 100, Grace: time.Minute, Heartbeat: 15 * time.Second}
}

// grace is as the framework's gate has it.
func (c Config) grace() time.Duration {
	if c.Grace == 0 {
		return -1
	}
	return c.Grace
}

// Validate reports everything that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	for _, a := range []struct{ key, addr string }{{"tcp", c.TCP}, {"ws", c.WS}, {"kcp", c.KCP}} {
		if a.addr == "" {
			continue
		}
		if _, _, err := splitPort(a.addr); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.key, err))
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		errs = append(errs, errors.New("tls_cert and tls_key: one needs the other"))
	}
	if _, err := c.proxies(); err != nil {
		errs = append(errs, err)
	}
	for i, origin := range c.WSOrigins {
		if !isOrigin(origin) {
			errs = append(errs, fmt.Errorf("ws_origins[%d]: %q is not an origin as browsers send it: https://play.example.com, in small letters, without a path and with a port only if it is not the scheme's own", i, origin))
		}
	}
	if c.MinClient != "" {
		if err := gate.CheckVersion(c.MinClient); err != nil {
			errs = append(errs, fmt.Errorf("min_client: %w", err))
		}
	}
	for _, u := range []struct{ key, url, schemes string }{{"tcp_url", c.TCPURL, "tcp tls"}, {"ws_url", c.WSURL, "ws wss"}} {
		if u.url == "" {
			continue
		}
		parsed, err := url.Parse(u.url)
		if err != nil || parsed.Host == "" || !slices.Contains(strings.Fields(u.schemes), parsed.Scheme) {
			errs = append(errs, fmt.Errorf("%s: %q is no URL with one of the schemes %s", u.key, u.url, u.schemes))
		}
	}
	return errors.Join(errs...)
}

// isOrigin reports whether a browser can have text as the origin of a page.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Hostname() == "" || text != strings.ToLower(u.Scheme+"://"+u.Host) || strings.ContainsAny(u.Host, "*, ") {
		return false
	}
	if strings.HasSuffix(u.Host, ":") || u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443" {
		return false
	}
	return true
}

func splitPort(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not host:port", addr)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%q: the port must be a number from 0 to 65535", addr)
	}
	return host, int(n), nil
}

// ValidatePod reports what keeps that many gates from running beside each other on this machine: addresses that two of them would have, and
// ports that there are not. The errors name the keys in full, as gate.tcp.
func (c Config) ValidatePod(gates int) error {
	var errs []error
	ways := []struct{ key, addr string }{{"tcp", c.TCP}, {"ws", c.WS}, {"kcp", c.KCP}} // UDP's ports are others than TCP's
	for _, a := range ways {
		if _, port, err := splitPort(a.addr); err == nil && port != 0 && port+PortStride*(gates-1) > maxPort {
			errs = append(errs, fmt.Errorf("gate.%s: %q is too high for %d gates, which take every %d. port from it on", a.key, a.addr, gates, PortStride))
		}
	}
	tcpHost, tcp, tcpErr := splitPort(c.TCP)
	wsHost, ws, wsErr := splitPort(c.WS)
	if tcpErr != nil || wsErr != nil || tcp == 0 || ws == 0 || !sameHost(tcpHost, wsHost) {
		return errors.Join(errs...)
	}
	apart := max(tcp-ws, ws-tcp)
	if apart%PortStride == 0 && apart/PortStride < gates {
		port := max(tcp, ws)
		errs = append(errs, fmt.Errorf("gate.tcp and gate.ws: with %d gates, both would have port %d: each further gate takes ports that are %d higher than %q and %q; put these 1 apart",
			gates, port, PortStride, c.TCP, c.WS))
	}
	return errors.Join(errs...)
}

// sameHost reports whether sockets of the two hosts can be in each other's way: wildcards are in everybody's, and a name may be any.
func sameHost(a, b string) bool {
	one, err1 := netip.ParseAddr(a)
	two, err2 := netip.ParseAddr(b)
	return err1 != nil || err2 != nil || one.IsUnspecified() || two.IsUnspecified() || one == two
}

const maxPort = 1<<16 - 1

// shifted is addr for the index-th gate of a pod.
func shifted(addr string, index int) string {
	host, port, err := splitPort(addr)
	if err != nil || port == 0 {
		return addr
	}
	return net.JoinHostPort(host, strconv.Itoa(port+PortStride*index))
}

// proxies is the networks of load balancers.
func (c Config) proxies() (networks []netip.Prefix, err error) {
	for _, text := range c.Proxies {
		network, err := netip.ParsePrefix(text)
		if err != nil || network != network.Masked() {
			return nil, fmt.Errorf("proxies: %q is not a network like 10.0.0.0/8 or 192.0.2.1/32", text)
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// tcpAddress is what clients are told of where they come in over TCP: host:port, or tls://host:port.
func (c Config) tcpAddress(addr string) string {
	switch {
	case c.TCPURL != "":
		return strings.TrimPrefix(c.TCPURL, "tcp://")
	case c.TLSCert != "":
		return "tls://" + c.public(addr)
	}
	return c.public(addr)
}

// wsAddress is the same over WebSocket: a URL.
func (c Config) wsAddress(addr string) string {
	switch {
	case c.WSURL != "":
		return c.WSURL
	case c.TLSCert != "":
		return "wss://" + c.public(addr) + "/"
	}
	return "ws://" + c.public(addr) + "/"
}

// kcpAddress is the same over KCP: a URL, kcp:// or kcps://.
func (c Config) kcpAddress(addr string) string {
	if c.TLSCert != "" {
		return "kcps://" + c.public(addr)
	}
	return "kcp://" + c.public(addr)
}

// silence is after how long nothing is heard any more of a client over KCP: when a gate would have cut it off in any case.
func (c Config) silence() time.Duration { return 4 * c.Heartbeat }

// public is addr with the host that clients are told.
func (c Config) public(addr string) string {
	if c.Public == "" {
		return addr
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return net.JoinHostPort(c.Public, port)
}
