package link

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"loumiao/framework/fault"
	"loumiao/framework/id"
)

// A hello, big-endian, always the same size so that nothing about its length is believed before the peer has proved itself:
//
//	 0  [4]   magic "LMLK"
//	 4  u8    version
//	 5  u8    role
//	 6  u16   node
//	 8  u64   boot
//	16  u8    length of type
//	17  [63]  type, zeros after it
//	80  [32]  nonce
const (
	magic     = "LMLK"
	version   = 1
	maxType   = 63
	nonceSize = 32
	helloSize = 80 + nonceSize
	macSize   = sha256.Size
)

// The answer to a hello begins with a verdict, and so does the answer to a proof.
const (
	goOn           = 0
	refusedVersion = 1
	refusedRole    = 2
	refusedKey     = 3
	refusedNow     = 4
)

var verdicts = [...]string{
	refusedVersion: "it speaks another version of the link protocol",
	refusedRole:    "it serves nothing of this role",
	refusedKey:     "it holds another link key",
	refusedNow:     "it takes no new connections now",
}

// What the two proofs are over differs by a label, so that neither can be reflected as the other.
const (
	labelServer = "loumiao link server"
	labelDialer = "loumiao link dialer"
)

type hello struct {
	role  Role
	peer  Peer
	nonce [nonceSize]byte
}

func newHello(role Role, self Peer) hello {
	h := hello{role: role, peer: self}
	_, _ = rand.Read(h.nonce[:]) // never fails: crypto/rand ends the process rather than return an error
	return h
}

func (h hello) append(b []byte) []byte {
	b = append(b, magic...)
	b = append(b, version, byte(h.role))
	b = binary.BigEndian.AppendUint16(b, uint16(h.peer.Node))
	b = binary.BigEndian.AppendUint64(b, uint64(h.peer.Boot))
	b = append(b, byte(len(h.peer.Type)))
	var typ [maxType]byte
	copy(typ[:], h.peer.Type)
	b = append(b, typ[:]...)
	return append(b, h.nonce[:]...)
}

var (
	errNotLink = errors.New("not a link: the peer speaks something else")
	errVersion = errors.New("the peer speaks another version of the link protocol")
	errHello   = errors.New("malformed hello")
)

func parseHello(b []byte) (hello, error) {
	var h hello
	switch {
	case len(b) != helloSize || string(b[:4]) != magic:
		return h, errNotLink
	case b[4] != version:
		return h, errVersion
	case b[16] > maxType:
		return h, errHello
	}
	h.role = Role(b[5])
	h.peer.Node = id.Node(binary.BigEndian.Uint16(b[6:]))
	h.peer.Boot = id.Boot(binary.BigEndian.Uint64(b[8:]))
	h.peer.Type = string(b[17 : 17+int(b[16])])
	copy(h.nonce[:], b[80:])
	if h.peer.Node == 0 || h.peer.Boot == 0 {
		return h, errHello
	}
	return h, nil
}

func proof(key []byte, label string, dialer, server []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(label))
	m.Write(dialer)
	m.Write(server)
	return m.Sum(nil)
}

// shakeAsDialer does the dialer's half of the handshake. want's zero fields may be anything.
func shakeAsDialer(nc net.Conn, cfg Config, role Role, want Peer) (Peer, error) {
	mine := newHello(role, cfg.Self).append(nil)
	if _, err := nc.Write(mine); err != nil {
		return Peer{}, fmt.Errorf("send hello: %w", err)
	}
	if err := readVerdict(nc); err != nil {
		return Peer{}, err
	}
	var answer [helloSize + macSize]byte
	if _, err := io.ReadFull(nc, answer[:]); err != nil {
		return Peer{}, fmt.Errorf("read the peer's hello: %w", err)
	}
	theirs := answer[:helloSize]
	h, err := parseHello(theirs)
	if err != nil {
		return Peer{}, err
	}
	if !hmac.Equal(answer[helloSize:], proof(cfg.Key, labelServer, mine, theirs)) {
		return Peer{}, fault.New(fault.Unauthenticated, "the peer holds another link key")
	}
	if want.Node != 0 && want.Node != h.peer.Node || want.Boot != 0 && want.Boot != h.peer.Boot {
		return Peer{}, fault.Errorf(fault.Unavailable, "the address belongs to %v now", h.peer)
	}
	if _, err := nc.Write(proof(cfg.Key, labelDialer, mine, theirs)); err != nil {
		return Peer{}, fmt.Errorf("send proof: %w", err)
	}
	return h.peer, readVerdict(nc)
}

func readVerdict(nc net.Conn) error {
	var b [1]byte
	if _, err := io.ReadFull(nc, b[:]); err != nil {
		return fmt.Errorf("read verdict: %w", err)
	}
	switch v := int(b[0]); {
	case v == goOn:
		return nil
	case v == refusedKey:
		return fault.New(fault.Unauthenticated, "refused by the peer: "+verdicts[v])
	case v < len(verdicts):
		return fault.New(fault.Unavailable, "refused by the peer: "+verdicts[v])
	default:
		return errNotLink
	}
}

// shakeAsServer does the server's half up to the dialer's proof. The caller sends the last verdict: whether someone serves the connection is known
// only then. serves says whether a role is served.
func shakeAsServer(nc net.Conn, cfg Config, serves func(Role) bool) (hello, error) {
	var theirs [helloSize]byte
	if _, err := io.ReadFull(nc, theirs[:]); err != nil {
		return hello{}, fmt.Errorf("read hello: %w", err)
	}
	h, err := parseHello(theirs[:])
	if err != nil {
		if errors.Is(err, errVersion) {
			_, _ = nc.Write([]byte{refusedVersion})
		}
		return hello{}, err
	}
	if !serves(h.role) {
		_, _ = nc.Write([]byte{refusedRole})
		return hello{}, fmt.Errorf("nothing serves %v", h.role)
	}
	out := append(make([]byte, 0, 1+helloSize+macSize), goOn)
	out = newHello(h.role, cfg.Self).append(out)
	mine := out[1:]
	out = append(out, proof(cfg.Key, labelServer, theirs[:], mine)...)
	if _, err := nc.Write(out); err != nil {
		return hello{}, fmt.Errorf("send hello: %w", err)
	}
	var given [macSize]byte
	if _, err := io.ReadFull(nc, given[:]); err != nil {
		return hello{}, fmt.Errorf("read proof from %v: %w", h.peer, err)
	}
	if !hmac.Equal(given[:], proof(cfg.Key, labelDialer, theirs[:], mine)) {
		_, _ = nc.Write([]byte{refusedKey})
		return hello{}, fmt.Errorf("%v holds another link key", h.peer)
	}
	return h, nil
}
