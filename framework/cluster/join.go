package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/serf/serf"
)

const (
	joinBackoffMin = 50 * time.Millisecond
	joinBackoffMax = time.Second
	// How often a seed that is not among the members is tried again.
	rejoinInterval = 10 * time.Second
)

// addresses is where gossip listens and what it tells others, as IP addresses and ports.
type addresses struct {
	bindHost, advertiseHost string
	bindPort, advertisePort int
}

// resolveAddresses turns cfg's host names into the IP addresses that memberlist insists on. It always sets what to advertise.
func resolveAddresses(ctx context.Context, cfg Config) (a addresses, err error) {
	if a.bindHost, a.bindPort, err = splitAddr(cfg.Bind); err != nil {
		return a, fmt.Errorf("cluster: bind %q: %w", cfg.Bind, err)
	}
	a.advertiseHost, a.advertisePort = a.bindHost, a.bindPort
	if cfg.Advertise != "" {
		if a.advertiseHost, a.advertisePort, err = splitAdvertise(cfg.Advertise); err != nil {
			return a, fmt.Errorf("cluster: advertise: %w", err)
		}
		if a.advertisePort == 0 {
			a.advertisePort = a.bindPort
		}
	}
	if a.bindHost == "" {
		a.bindHost = "0.0.0.0"
	}
	for _, host := range []*string{&a.bindHost, &a.advertiseHost} {
		ips, err := lookup(ctx, *host)
		if err != nil {
			return a, fmt.Errorf("cluster: gossip address: %w", err)
		}
		*host = ips[0]
	}
	return a, nil
}

// tryBind fails when the port for gossip cannot be had. Serf would notice too, but leaves a goroutine behind when it does.
func tryBind(ctx context.Context, a addresses) error {
	if a.bindPort == 0 {
		return nil
	}
	var lc net.ListenConfig
	addr := net.JoinHostPort(a.bindHost, strconv.Itoa(a.bindPort))
	tcp, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer tcp.Close()
	udp, err := lc.ListenPacket(ctx, "udp", addr)
	if err != nil {
		return err
	}
	return udp.Close()
}

// lookup is the IP addresses of a host, at least one, IPv4 first.
func lookup(ctx context.Context, host string) ([]string, error) {
	if net.ParseIP(host) != nil {
		return []string{host}, nil
	}
	ips, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(ips, func(a, b string) int {
		return boolInt(net.ParseIP(b).To4() != nil) - boolInt(net.ParseIP(a).To4() != nil)
	})
	return ips, nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Join joins the cluster of any of the seeds, gossip addresses as host:port; nil means those of the configuration. It tries again
// until one has answered or ctx ends. This node's own address is skipped, so that all nodes may be given the same list; when nothing
// is left, there is nothing to do.
func (c *Cluster) Join(ctx context.Context, seeds []string) error {
	s, err := c.running()
	if err != nil {
		return err
	}
	c.mu.Lock()
	if seeds != nil {
		c.seeds = slices.Clone(seeds)
	}
	others := slices.DeleteFunc(slices.Clone(c.seeds), func(seed string) bool { return seed == c.addr })
	c.mu.Unlock()
	if len(others) == 0 {
		return nil
	}

	for wait := joinBackoffMin; ; wait = min(2*wait, joinBackoffMax) {
		err := c.within(ctx, fmt.Sprintf("join %v", others), func() error {
			_, err := s.Join(others, true)
			return err
		})
		if err == nil || ctx.Err() != nil {
			return err
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("%w (gave up: %w)", err, context.Cause(ctx))
		case <-c.life.Done():
			t.Stop()
			return ErrNotRunning
		}
	}
}

// rejoin tries seeds that are not members. After a split in which each half has forgotten the other, that is what heals it.
func (c *Cluster) rejoin(s *serf.Serf) {
	for c.pause(c.rejoinEvery/2 + rand.N(c.rejoinEvery)) {
		if missing := c.missingSeeds(c.life); len(missing) > 0 {
			if _, err := s.Join(missing[:1], true); err != nil {
				c.log.Debug("seed does not answer", slog.String("seed", missing[0]), slog.Any("error", err))
			}
		}
	}
}

// missingSeeds is the seeds' addresses that no member has, in random order.
func (c *Cluster) missingSeeds(ctx context.Context) []string {
	known := map[string]bool{}
	for _, m := range c.Snapshot().All() {
		known[m.Gossip] = true
	}
	c.mu.Lock()
	seeds := slices.Clone(c.seeds)
	known[c.addr] = true
	c.mu.Unlock()

	var missing []string
	for _, seed := range seeds {
		host, port, err := splitAddr(seed)
		if err != nil {
			continue
		}
		ips, err := lookup(ctx, host)
		if err != nil {
			continue
		}
		for _, ip := range ips {
			if addr := net.JoinHostPort(ip, strconv.Itoa(port)); !known[addr] {
				missing = append(missing, addr)
			}
		}
	}
	rand.Shuffle(len(missing), func(i, j int) { missing[i], missing[j] = missing[j], missing[i] })
	return missing
}
