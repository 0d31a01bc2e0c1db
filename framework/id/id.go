package id

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"time"
)

// A Node is a node's number in its cluster, 1 to 65535. 0 means none. It is also the worker number in the ids that the
// node generates.
type Node uint16

// String is the number in decimal.
func (n Node) String() string { return strconv.Itoa(int(n)) }

// A Boot is one life of a node. Later boots of the same node compare greater. 0 means none.
type Boot uint64

// NewBoot is the boot of a life that begins at now. Boots of one node are ordered by time; the low bits are random, so
// that two processes started in one millisecond still differ.
func NewBoot(now time.Time) Boot {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process rather than return an error
	return Boot(uint64(now.UnixMilli())<<16 | uint64(binary.BigEndian.Uint16(b[:])))
}

// Time is when the life began, to the millisecond, on its machine's clock.
func (b Boot) Time() time.Time { return time.UnixMilli(int64(b >> 16)) }

// String is the boot in hexadecimal.
func (b Boot) String() string { return strconv.FormatUint(uint64(b), 16) }

// A Session is a client's session, the same on every gate it passes through. 0 means none.
type Session uint64

// String is the session in decimal.
func (s Session) String() string { return strconv.FormatUint(uint64(s), 10) }
