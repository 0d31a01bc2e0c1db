package udp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"
)

// A kind is what a datagram is. It stands where KCP has its own commands, so that the fifth byte of any datagram tells it.
type kind byte

const (
	open      kind = 1 // client: may I?
	challenge kind = 2 // listener: if you can read this
	begin     kind = 3 // client: I can
	begun     kind = 4 // listener: go on
	bye       kind = 5 // either: this conversation is over

	firstKCP, lastKCP kind = 81, 84 // KCP's commands
)

const (
	version     = 1
	nonceSize   = 8
	cookieSize  = 16
	openingSize = 4 + 1 + 1 + nonceSize + cookieSize // bytes of every datagram that is not KCP's
	kcpHeader   = 24                                 // bytes of the shortest that is
	kindAt      = 4
)

// An opening is a datagram of the opening, or a Bye.
//
//	| conversation, u32 little-endian | kind | version | nonce, 8 | cookie, 16 |
type opening struct {
	conv   uint32 // 0 in open
	kind   kind
	nonce  [nonceSize]byte  // the client's choice, at random
	cookie [cookieSize]byte // the listener's; 0 in open
}

// numberOf is the conversation that a datagram is of. It must have four bytes.
func numberOf(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// parseOpening reads a datagram that is not KCP's.
func parseOpening(b []byte) (o opening, ok bool) {
	if len(b) != openingSize || b[5] != version {
		return o, false
	}
	o = opening{conv: numberOf(b), kind: kind(b[kindAt])}
	copy(o.nonce[:], b[6:])
	copy(o.cookie[:], b[6+nonceSize:])
	return o, o.kind >= open && o.kind <= bye && (o.conv == 0) == (o.kind == open)
}

// as is the same opening, of another kind, as a datagram.
func (o opening) as(k kind) []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, openingSize), o.conv)
	b = append(b, byte(k), version)
	b = append(b, o.nonce[:]...)
	return append(b, o.cookie[:]...)
}

// A bakery makes cookies: what proves, without anything being kept, that somebody was sent one.
type bakery struct{ secret [32]byte }

// fresh is how long a cookie is good for, and at most twice that.
const fresh = 8 * time.Second

func newBakery() *bakery {
	k := new(bakery)
	_, _ = rand.Read(k.secret[:]) // never fails
	return k
}

// bake is the cookie of a conversation that is opened from an address.
func (k *bakery) bake(o opening, from netip.AddrPort, now time.Time) [cookieSize]byte {
	return k.at(o, from, now.UnixNano()/int64(fresh))
}

// good reports whether the cookie is one of this bakery's, for this address, and fresh.
func (k *bakery) good(o opening, from netip.AddrPort, now time.Time) bool {
	slot := now.UnixNano() / int64(fresh)
	for _, s := range []int64{slot, slot - 1} {
		if want := k.at(o, from, s); hmac.Equal(want[:], o.cookie[:]) {
			return true
		}
	}
	return false
}

func (k *bakery) at(o opening, from netip.AddrPort, slot int64) (cookie [cookieSize]byte) {
	mac := hmac.New(sha256.New, k.secret[:])
	var b [8 + 4 + nonceSize + 16 + 2]byte
	binary.BigEndian.PutUint64(b[:], uint64(slot))
	binary.BigEndian.PutUint32(b[8:], o.conv)
	copy(b[12:], o.nonce[:])
	addr := from.Addr().As16()
	copy(b[12+nonceSize:], addr[:])
	binary.BigEndian.PutUint16(b[28+nonceSize:], from.Port())
	mac.Write(b[:])
	copy(cookie[:], mac.Sum(nil))
	return cookie
}

// number is a number for a conversation that nobody can foresee.
func number() uint32 {
	var b [4]byte
	for {
		_, _ = rand.Read(b[:]) // never fails
		if n := numberOf(b[:]); n != 0 {
			return n
		}
	}
}
