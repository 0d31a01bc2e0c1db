package rpc

import "loumiao/framework/id"

// A Target says which of the nodes that serve a method a call goes to: [Any], [ByKey], [Owner], [To] or, for sends, [All].
type Target struct {
	kind targetKind
	key  uint64
}

type targetKind uint8

const (
	toAny targetKind = iota
	toKey
	toOwner
	toNode
	toAll
)

var (
	// Any is the less busy of two nodes chosen at random. The zero Target.
	Any = Target{kind: toAny}
	// All is every node. For Send only.
	All = Target{kind: toAll}
)

// ByKey is always the same node for a key, as long as membership does not change, on every caller. When a node leaves, only its keys move.
func ByKey[K int64 | string](key K) Target {
	switch k := any(key).(type) {
	case string:
		return Target{kind: toKey, key: hashString(k)}
	case int64:
		return Target{kind: toKey, key: mix(uint64(k))}
	}
	return Target{} // the constraint admits no other type
}

// Owner is the node that owns the key, as the [Directory] says.
func Owner(key int64) Target { return Target{kind: toOwner, key: uint64(key)} }

// To is one node, whatever its state.
func To(node id.Node) Target { return Target{kind: toNode, key: uint64(node)} }

// mix is the finalizer of MurmurHash3 (Austin Appleby, public domain): every bit of x changes about half of the result's.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// hashString is 64-bit FNV-1a, mixed: the same on every node.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// rank is how well a node suits a key: the highest serves it (rendezvous hashing: Thaler and Ravishankar, 1998).
func rank(key uint64, node id.Node) uint64 { return mix(key ^ mix(uint64(node))) }
