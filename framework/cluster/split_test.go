package cluster

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"

	"loumiao/framework/id"
)

// A network carries gossip over loopback between nodes that are on the same side of a cut.
type network struct {
	forgets bool // its nodes soon forget who has failed

	mu    sync.Mutex
	sides map[string]int // by gossip address; those not listed are on side 0
}

var errUnreachable = errors.New("no route to the other side of the cut")

// reaches reports whether what one node sends arrives at the other.
func (n *network) reaches(from, to string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sides[from] == n.sides[to]
}

// cut moves the nodes to a side of their own.
func (n *network) cut(nodes ...*Cluster) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sides = map[string]int{}
	for _, c := range nodes {
		n.sides[c.Addr()] = 1
	}
}

func (n *network) heal() { n.cut() }

// join is a node's way into the network.
func (n *network) join(gossip *serf.Config) (memberlist.Transport, error) {
	if n.forgets {
		gossip.ReconnectTimeout, gossip.ReapInterval = time.Millisecond, 100*time.Millisecond
		gossip.MemberlistConfig.GossipToTheDeadTime = time.Millisecond
	}
	cfg := gossip.MemberlistConfig
	real, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{
		BindAddrs: []string{cfg.BindAddr}, BindPort: cfg.BindPort, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	port := real.GetAutoBindPort()
	cfg.BindPort, cfg.AdvertisePort = port, port
	return &wire{NetTransport: real, network: n, self: net.JoinHostPort(cfg.BindAddr, strconv.Itoa(port))}, nil
}

// A wire is one node's: packets for the other side are lost, and streams cannot be opened.
type wire struct {
	*memberlist.NetTransport
	network *network
	self    string
}

func (w *wire) WriteToAddress(b []byte, to memberlist.Address) (time.Time, error) {
	if !w.network.reaches(w.self, to.Addr) {
		return time.Now(), nil
	}
	return w.NetTransport.WriteToAddress(b, to)
}

func (w *wire) DialAddressTimeout(to memberlist.Address, timeout time.Duration) (net.Conn, error) {
	if !w.network.reaches(w.self, to.Addr) {
		return nil, errUnreachable
	}
	return w.NetTransport.DialAddressTimeout(to, timeout)
}

func (w *wire) WriteTo(b []byte, addr string) (time.Time, error) {
	return w.WriteToAddress(b, memberlist.Address{Addr: addr})
}

func (w *wire) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	return w.DialAddressTimeout(memberlist.Address{Addr: addr}, timeout)
}

// TestSplitHeals cuts a cluster in two. Each half goes on by itself, and when they meet again they agree on everything that has happened on
// either side; also when it took so long that each has forgotten the other.
func TestSplitHeals(t *testing.T) {
	t.Parallel()
	for name, forgets := range map[string]bool{"soon": false, "when each half has forgotten the other": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			splitHeals(t, forgets)
		})
	}
}

func splitHeals(t *testing.T, forgets bool) {
	n := &network{forgets: forgets}
	all := []*Cluster{startOn(t, n, config(1, 101))}
	for i := 2; i <= 6; i++ {
		all = append(all, startOn(t, n, config(id.Node(i), id.Boot(100+i), all[0].Addr())))
	}
	awaitCount(t, all, 6)

	left, right := all[:3], all[3:]
	n.cut(right...)
	for name, half := range map[string][]*Cluster{"left": left, "right": right} {
		var want []id.Node
		for _, c := range half {
			want = append(want, c.Self().Node)
		}
		for _, c := range half {
			await(t, c, "its own half, the "+name, func(s *Snapshot) bool { return slices.Equal(nodesOf(s), want) })
		}
	}

	all[0].SetState(Draining)
	for _, c := range left {
		await(t, c, "node 1 is draining", func(s *Snapshot) bool { m, _ := s.Node(1); return m.State == Draining })
	}
	if m, ok := right[0].Snapshot().Node(1); ok {
		t.Fatalf("news crossed the cut: %+v", m)
	}
	if err := all[2].Stop(t.Context()); err != nil { // leaves, on the left
		t.Fatal(err)
	}
	crash(t, all[5])
	cfg := config(6, 900, right[0].Addr())
	n.mu.Lock()
	cfg.Bind = freeAddr(t)
	n.sides[cfg.Bind] = 1
	n.mu.Unlock()
	again := startOn(t, n, cfg)
	for _, c := range []*Cluster{right[0], right[1], again} {
		await(t, c, "node 6 again", func(s *Snapshot) bool { m, _ := s.Node(6); return m.Boot == 900 })
	}

	if forgets {
		for _, c := range []*Cluster{all[0], all[1], all[3], all[4], again} {
			awaitForgotten(t, c)
		}
	}
	n.heal()
	began := time.Now()
	for _, c := range []*Cluster{all[0], all[1], all[3], all[4], again} {
		await(t, c, fmt.Sprintf("the whole, seen by node %d", c.Self().Node), func(s *Snapshot) bool {
			one, _ := s.Node(1)
			six, _ := s.Node(6)
			return slices.Equal(nodesOf(s), []id.Node{1, 2, 4, 5, 6}) && one.State == Draining && six.Boot == 900
		})
		if err := c.Cause(); err != nil {
			t.Errorf("node %d is lost by the split: %v", c.Self().Node, err)
		}
	}
	t.Logf("healed after %s", time.Since(began))
}

// awaitForgotten waits until a node remembers none of those that have failed.
func awaitForgotten(t *testing.T, c *Cluster) {
	t.Helper()
	gossip, err := c.running()
	if err != nil {
		t.Fatal(err)
	}
	again := time.NewTicker(10 * time.Millisecond) // serf says nothing of it
	defer again.Stop()
	late := time.After(patience)
	for slices.ContainsFunc(gossip.Members(), func(m serf.Member) bool { return m.Status == serf.StatusFailed }) {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("node %d remembers %v", c.Self().Node, gossip.Members())
		}
	}
}

func nodesOf(s *Snapshot) (all []id.Node) {
	for _, m := range s.All() {
		all = append(all, m.Node)
	}
	return all
}

// freeAddr is an address that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
