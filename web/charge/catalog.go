package charge

import (
	"maps"
	"slices"
)

// A Catalog is what is sold. It may change while the node runs; orders keep what they were made of.
type Catalog interface {
	// Product is the product of that id.
	Product(id string) (Product, bool)
	// IDs is the ids of all products, in order.
	IDs() []string
}

// configured is the products of the configuration.
type configured map[string]Product

func (c configured) Product(id string) (Product, bool) {
	p, ok := c[id]
	return p, ok
}

func (c configured) IDs() []string { return slices.Sorted(maps.Keys(c)) }
