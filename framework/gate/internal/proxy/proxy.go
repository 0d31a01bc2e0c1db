// Package proxy reads the header by which a load balancer says whose connection it passes on: the PROXY protocol, version 2
// (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).
//
// It is our own and not a library's because of what follows the header: libraries wrap the connection in one with a buffer, in which part of the client's
// first bytes ends up, and that can then no longer be waited for without one. [Read] takes the header, and not a byte more, from the connection as it is.
// What is left to do is small: version 2 says how long it is. Version 1, which is text without a length, is refused.
package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

const (
	fixedSize = 16
	maxSize   = 1 << 10 // of what follows, in bytes: addresses take up to 36, and what balancers add besides is a few hundred

	signature = "\r\n\r\n\x00\r\nQUIT\n"

	versionLocal = 0x20 // the balancer's own connection, to see whether we are there
	versionProxy = 0x21

	familyUnknown = 0x00
	familyTCP4    = 0x11
	familyTCP6    = 0x21
)

var (
	errNoHeader = errors.New("proxy: the connection does not begin with a PROXY header, version 2")
	errShort    = errors.New("proxy: a PROXY header shorter than its addresses")
	errExtra    = errors.New("proxy: what follows the addresses in a PROXY header is broken")
)

// Read reads a header. The address is where the client is; none is valid if the header says that it is the balancer's own connection, or one of a kind
// that has no such address.
func Read(r io.Reader) (from netip.AddrPort, err error) {
	var fixed [fixedSize]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return from, fmt.Errorf("proxy: read a PROXY header: %w", err)
	}
	size, err := parseFixed(fixed)
	if err != nil {
		return from, err
	}
	rest := make([]byte, size)
	if _, err := io.ReadFull(r, rest); err != nil {
		return from, fmt.Errorf("proxy: read the rest of a PROXY header: %w", err)
	}
	return parseRest(fixed, rest)
}

// parseFixed is how long what follows is.
func parseFixed(b [fixedSize]byte) (size int, err error) {
	if string(b[:len(signature)]) != signature {
		return 0, errNoHeader
	}
	if v := b[12]; v != versionLocal && v != versionProxy {
		return 0, fmt.Errorf("proxy: version and command %#02x of a PROXY header are unknown", v)
	}
	size = int(binary.BigEndian.Uint16(b[14:]))
	if size > maxSize {
		return 0, fmt.Errorf("proxy: a PROXY header of %d bytes more; %d are allowed", size, maxSize)
	}
	return size, nil
}

func parseRest(fixed [fixedSize]byte, rest []byte) (from netip.AddrPort, err error) {
	if fixed[12] == versionLocal {
		return from, nil // the rest is to be skipped, whatever it is
	}
	var ip netip.Addr
	var port []byte
	switch family := fixed[13]; family {
	case familyUnknown:
		return from, nil
	case familyTCP4:
		if len(rest) < 12 {
			return from, errShort
		}
		ip, port, rest = netip.AddrFrom4([4]byte(rest)), rest[8:], rest[12:]
	case familyTCP6:
		if len(rest) < 36 {
			return from, errShort
		}
		ip, port, rest = netip.AddrFrom16([16]byte(rest)).Unmap(), rest[32:], rest[36:]
	default:
		return from, fmt.Errorf("proxy: a PROXY header for a connection of family %#02x, and this is TCP", family)
	}
	if !wellFormed(rest) {
		return from, errExtra
	}
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(port)), nil
}

// wellFormed reports whether b is a list of what else a balancer may tell: each a type, a length and as many bytes. Nothing here needs them.
func wellFormed(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 3 {
			return false
		}
		size := 3 + int(binary.BigEndian.Uint16(b[1:]))
		if len(b) < size {
			return false
		}
		b = b[size:]
	}
	return true
}
