package node

import (
	"context"
	"fmt"
	"maps"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/id"
	"loumiao/framework/store"
)

// Publish says where something of this node can be reached: "http" at "http://127.0.0.1:8080". It is for people and tools that look at the
// cluster; nothing depends on it. Call it in Start.
func (n *Node) Publish(name, addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.published[name] = addr
}

// Published is what this node has published, its admin address included.
func (n *Node) Published() map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := maps.Clone(n.published)
	all["admin"] = n.AdminAddr()
	return all
}

// Addresses is what one life of a node has published; empty if nothing is known of it.
func Addresses(ctx context.Context, stores *store.Stores, node id.Node, boot id.Boot) (map[string]string, error) {
	all, err := stores.Redis().HGetAll(ctx, addressesKey(stores, node)).Result()
	if err != nil {
		return nil, fmt.Errorf("read addresses of node %d: %w", node, err)
	}
	if all[bootField] != boot.String() {
		return map[string]string{}, nil
	}
	delete(all, bootField)
	return all, nil
}

const bootField = "boot"

func addressesKey(stores *store.Stores, node id.Node) string {
	return stores.Key("addresses", node.String())
}

func (n *Node) writeAddresses(ctx context.Context) error {
	key := addressesKey(n.env.Stores, n.id)
	fields := n.Published()
	fields[bootField] = n.boot.String()
	_, err := n.env.Stores.Redis().TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, key)
		p.HSet(ctx, key, fields)
		return nil
	})
	if err != nil {
		return fmt.Errorf("publish addresses: %w", err)
	}
	return nil
}
