package node

import (
	"context"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/lease"
)

// directory answers rpc's question for a key's owner from the leases.
type directory struct{ owners *lease.Owners }

func (d directory) Owner(ctx context.Context, key int64) (id.Node, id.Boot, error) {
	b, ok, err := d.owners.Lookup(ctx, key)
	if err != nil {
		return 0, 0, err
	}
	if !ok {
		return 0, 0, fault.Errorf(fault.NotOwner, "nobody owns %d now", key)
	}
	return b.Node, b.Boot, nil
}
