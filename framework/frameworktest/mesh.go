package frameworktest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/link"
	"loumiao/framework/link/linktest"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
)

// A Mesh is peers with actors and calls between them and nothing else: no gossip, no stores, no sockets. So it works within a bubble of testing/synctest, where
// hours pass in milliseconds. Its methods are safe for concurrent use.
type Mesh struct {
	t      testing.TB
	memory *linktest.Memory
	view   *cluster.Static

	mu     sync.Mutex
	peers  []*Peer
	owners map[int64]*Peer
}

// NewMesh is a mesh without peers. Those that are left when the test ends are stopped then; a test within a bubble gives the bubble's t.
func NewMesh(t testing.TB) *Mesh {
	m := &Mesh{t: t, memory: linktest.NewMemory(), view: cluster.NewStatic(), owners: map[int64]*Peer{}}
	t.Cleanup(m.stop)
	return m
}

// A Peer is one node of a [Mesh]. What registers itself with a node by RPC and Actors can be registered with a Peer.
type Peer struct {
	mesh   *Mesh
	self   link.Peer
	rpc    *rpc.RPC
	links  *link.Server
	actors *actor.System
	stop   sync.Once
}

// Add is a new peer of a type, which the others know at once.
func (m *Mesh) Add(typ string) *Peer {
	m.t.Helper()
	m.mu.Lock()
	number := len(m.peers) + 1
	p := &Peer{mesh: m, self: link.Peer{Node: id.Node(number), Boot: id.Boot(number), Type: typ}}
	m.peers = append(m.peers, p)
	m.mu.Unlock()
	log := storetest.Log(m.t)
	links := link.Config{Self: p.self, Key: bytes.Repeat([]byte{2}, link.KeySize), Dialer: m.memory.Dial, Logger: log}
	p.actors = actor.NewSystem(actor.Config{Logger: log})
	p.links = link.NewServer(links)
	p.rpc = rpc.New(rpc.Config{Self: p.self, View: m.view, Links: links, Server: p.links, Owners: directory{m}, Logger: log})
	if err := p.links.ListenOn(m.memory.Listen()); err != nil {
		m.t.Fatal(err)
	}
	p.links.Start()
	m.view.Set(cluster.Member{Node: p.self.Node, Boot: p.self.Boot, Type: typ, Addr: p.links.Addr(), State: cluster.Ready})
	return p
}

// Own has keyed methods find a key at the peer from now on.
func (m *Mesh) Own(key int64, p *Peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owners[key] = p
}

func (m *Mesh) stop() {
	m.mu.Lock()
	peers := m.peers
	m.mu.Unlock()
	for _, p := range peers {
		p.Stop()
	}
}

// ID is the peer's number.
func (p *Peer) ID() id.Node { return p.self.Node }

// RPC is the peer's calls.
func (p *Peer) RPC() *rpc.RPC { return p.rpc }

// Actors is the peer's actors.
func (p *Peer) Actors() *actor.System { return p.actors }

// Stop ends the peer: the others see that it has left, and its actors are stopped, with what they do then. Again, it does nothing.
func (p *Peer) Stop() {
	p.stop.Do(func() {
		p.mesh.view.Remove(p.self.Node)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(p.actors.Stop(ctx), p.rpc.Stop(ctx), p.links.Stop(ctx)); err != nil {
			p.mesh.t.Errorf("stop peer %d: %v", p.self.Node, err)
		}
	})
}

// directory is who owns what in a mesh.
type directory struct{ mesh *Mesh }

func (d directory) Owner(_ context.Context, key int64) (id.Node, id.Boot, error) {
	d.mesh.mu.Lock()
	defer d.mesh.mu.Unlock()
	p := d.mesh.owners[key]
	if p == nil {
		return 0, 0, fault.New(fault.NotOwner, "nobody owns it")
	}
	return p.self.Node, p.self.Boot, nil
}
