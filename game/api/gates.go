package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/id"
	"loumiao/framework/store"
)

const (
	// GatePublishEvery is how often a gate says how loaded it is.
	GatePublishEvery = time.Second
	gateForgotten    = 3*GatePublishEvery + 500*time.Millisecond // how long a silent gate is still chosen
)

// A GateLoad is what a gate publishes for those that choose one from outside the cluster.
type GateLoad struct {
	Area Area `json:"area"` // 0 serves all
	// TCP is host:port, or tls://host:port; WS is ws://host:port/path or wss://... "" where the gate does not listen.
	TCP string `json:"tcp,omitempty"`
	WS  string `json:"ws,omitempty"`
	KCP string `json:"kcp,omitempty"` // kcp://host:port or kcps://host:port
	// Sessions is how many clients the gate has, and Capacity how many it takes.
	Sessions int `json:"sessions"`
	Capacity int `json:"capacity"`
}

// Gates is the gates' published load, in Redis. It is safe for concurrent use.
type Gates struct{ stores *store.Stores }

// NewGates reads and writes the load of the stack's gates.
func NewGates(stores *store.Stores) *Gates { return &Gates{stores} }

func (g *Gates) all() string            { return g.stores.Key("gates") }
func (g *Gates) one(node string) string { return g.stores.Key("gate", node) }

// Publish says how loaded a gate is. A gate that does not say so again is forgotten after three and a half seconds.
func (g *Gates) Publish(ctx context.Context, node id.Node, load GateLoad) error {
	data, err := json.Marshal(load)
	if err != nil {
		return err
	}
	_, err = g.stores.Redis().Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, g.one(node.String()), data, gateForgotten)
		p.SAdd(ctx, g.all(), node.String())
		return nil
	})
	if err != nil {
		return fmt.Errorf("publish gate %d: %w", node, err)
	}
	return nil
}

// Withdraw takes a gate out of the choice at once.
func (g *Gates) Withdraw(ctx context.Context, node id.Node) error {
	_, err := g.stores.Redis().Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, g.one(node.String()))
		p.SRem(ctx, g.all(), node.String())
		return nil
	})
	if err != nil {
		return fmt.Errorf("withdraw gate %d: %w", node, err)
	}
	return nil
}

// Serves is whether players of the area may come in by the gate. Area 0 is all.
func (l GateLoad) Serves(area Area) bool { return l.Area == 0 || area == 0 || l.Area == area }

// Pick returns up to n gates that serve the area and have room, the least loaded first. None is no error.
func (g *Gates) Pick(ctx context.Context, area Area, n int) ([]GateLoad, error) {
	all, err := g.Published(ctx)
	if err != nil {
		return nil, err
	}
	var gates []GateLoad
	for _, node := range slices.Sorted(maps.Keys(all)) {
		if load := all[node]; load.Serves(area) && load.Sessions < load.Capacity {
			gates = append(gates, load)
		}
	}
	slices.SortStableFunc(gates, func(a, b GateLoad) int { return a.Sessions*b.Capacity - b.Sessions*a.Capacity })
	return gates[:min(n, len(gates))], nil
}

// Published is all gates that are not forgotten.
func (g *Gates) Published(ctx context.Context) (map[id.Node]GateLoad, error) {
	nodes, err := g.stores.Redis().SMembers(ctx, g.all()).Result()
	if err != nil {
		return nil, fmt.Errorf("list gates: %w", err)
	}
	replies := make([]*redis.StringCmd, len(nodes))
	_, err = g.stores.Redis().Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, node := range nodes {
			replies[i] = p.Get(ctx, g.one(node))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read gates: %w", err)
	}
	gates := map[id.Node]GateLoad{}
	for i, reply := range replies {
		data, err := reply.Bytes()
		if errors.Is(err, redis.Nil) {
			_ = g.stores.Redis().SRem(ctx, g.all(), nodes[i]).Err() // tidying up; the next reader may do it as well
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read gate %s: %w", nodes[i], err)
		}
		var load GateLoad
		if err := json.Unmarshal(data, &load); err != nil {
			return nil, fmt.Errorf("read gate %s: %w", strconv.Quote(nodes[i]), err)
		}
		node, err := strconv.ParseUint(nodes[i], 10, 16)
		if err != nil {
			return nil, fmt.Errorf("read gate %s: %w", strconv.Quote(nodes[i]), err)
		}
		gates[id.Node(node)] = load
	}
	return gates, nil
}
