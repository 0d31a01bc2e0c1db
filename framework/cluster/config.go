package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"unicode/utf8"
)

// KeySize is the length of a gossip key in bytes: AES-256.
const KeySize = 32

const (
	maxTypeLen    = 64  // bytes of a member's type
	maxAddrLen    = 128 // bytes of a member's link address
	maxVersionLen = 64  // bytes of a member's version; all tags together stay well below serf's 512
)

// Config is what a [Cluster] needs. Required are Self with Node, Boot and Type (and Addr, unless Observer), and GossipKey or Keyring.
type Config struct {
	// Self is what the others see of this node. Listen for links first: Addr must be known here. Name and Gossip are ignored.
	Self Member
	// Observer is a node that serves no RPC: Self.Addr must be "".
	Observer bool
	// Bind is the address for gossip, host:port, over TCP and UDP. Port 0 takes a free one; [Cluster.Addr] tells which.
	// Default "127.0.0.1:0".
	Bind string
	// Advertise is the gossip address under which others reach this node, host or host:port. Default: Bind. Required when Bind is
	// a wildcard such as 0.0.0.0, because guessing has been seen to pick an unrelated interface.
	Advertise string
	// Join is the seeds, host:port each: gossip addresses of any members. None for the first node of a cluster. [Cluster.Join]
	// joins them; afterwards a seed that is not among the members is tried again now and then, which heals a split cluster.
	Join []string
	// GossipKey encrypts gossip, [KeySize] bytes. It must not be the key that authenticates RPC links.
	GossipKey []byte
	// Keyring is a file that holds the gossip keys, in the format of serf's agent. When it exists, it is used in place of GossipKey;
	// otherwise it is made with GossipKey. [Cluster.RotateKey] keeps it up to date. Default "": no file, and a rotated key is
	// forgotten with the process.
	Keyring string
	// Stretch multiplies how long a silent node is suspected before it counts as dead, so that a breakpoint does not kill a node.
	// Default 1: about 3 s.
	Stretch int
	// Logger takes the log of gossip: its information and debug lines as debug, since each node has one for each member.
	// Default: nothing is logged.
	Logger *slog.Logger
}

// Validate reports everything that is wrong with the configuration, joined.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("cluster: "+format, args...)) }

	if c.Self.Node == 0 {
		bad("Self.Node: missing; must be 1 to 65535")
	}
	if c.Self.Boot == 0 {
		bad("Self.Boot: missing; take id.NewBoot")
	}
	if !validType(c.Self.Type) {
		bad("Self.Type: %q; must be 1 to %d characters of a-z, 0-9, '-', '_', ','", c.Self.Type, maxTypeLen)
	}
	switch {
	case c.Observer && c.Self.Addr != "":
		bad("Self.Addr: %q; an observer accepts no links, so it must be empty", c.Self.Addr)
	case !c.Observer && !validAddr(c.Self.Addr):
		bad("Self.Addr: %q; must be the host:port where links are accepted", c.Self.Addr)
	}
	if !validVersion(c.Self.Version) {
		bad("Self.Version: must be text of at most %d bytes", maxVersionLen)
	}
	if int(c.Self.State) >= len(stateNames) {
		bad("Self.State: %d is no state", c.Self.State)
	}

	host, _, err := splitAddr(c.Bind)
	if err != nil {
		bad("Bind: %v; must be host:port", err)
	} else if ip := net.ParseIP(host); c.Advertise == "" && (host == "" || ip != nil && ip.IsUnspecified()) {
		bad("Advertise: missing; must be set when Bind (%q) is a wildcard", c.Bind)
	}
	if c.Advertise != "" {
		if _, _, err := splitAdvertise(c.Advertise); err != nil {
			bad("Advertise: %v; must be host or host:port", err)
		}
	}
	for _, seed := range c.Join {
		if _, port, err := splitAddr(seed); err != nil || port == 0 {
			bad("Join: %q; must be host:port", seed)
		}
	}
	if len(c.GossipKey) != KeySize && (len(c.GossipKey) > 0 || c.Keyring == "") {
		bad("GossipKey: has %d bytes; must be %d", len(c.GossipKey), KeySize)
	}
	if c.Stretch < 1 {
		bad("Stretch: %d; must be at least 1", c.Stretch)
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Bind == "" {
		c.Bind = "127.0.0.1:0"
	}
	if c.Stretch == 0 {
		c.Stretch = 1
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func splitAddr(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port %q is not a number from 0 to 65535", p)
	}
	return host, int(n), nil
}

// splitAdvertise is splitAddr where the port, with its colon, may be missing: then it is 0.
func splitAdvertise(addr string) (host string, port int, err error) {
	if net.ParseIP(addr) != nil {
		return addr, 0, nil
	}
	if host, port, err = splitAddr(addr); err == nil {
		return host, port, nil
	}
	if host, port, err = splitAddr(addr + ":0"); err != nil || host == "" {
		return "", 0, fmt.Errorf("%q is no address", addr)
	}
	return host, port, nil
}

func validType(s string) bool {
	if s == "" || len(s) > maxTypeLen {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != ',' {
			return false
		}
	}
	return true
}

func validAddr(s string) bool {
	if len(s) > maxAddrLen || !utf8.ValidString(s) {
		return false
	}
	host, port, err := splitAddr(s)
	return err == nil && host != "" && port != 0
}

func validVersion(s string) bool { return len(s) <= maxVersionLen && utf8.ValidString(s) }
