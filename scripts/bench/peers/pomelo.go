package peers

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"net"

	"loumiao/scripts/bench/harness"
)

// The protocol of pomelo, which nano and pitaya speak: packets of a type, a length of three bytes and a body.
const (
	pomeloHandshake = 1
	pomeloAck       = 2
	pomeloData      = 4

	pomeloResponse   = 2 << 1 // in the flags of a message
	pomeloCompressed = 0x10
)

// DialPitaya opens a session of pitaya's gate, whose own handler answers.
func DialPitaya(addr string, _ int) (*harness.Session, error) {
	return dialPomelo(addr, "gate.room.echo")
}

// DialPitayaThrough opens a session of pitaya's gate, behind which a backend answers.
func DialPitayaThrough(addr string, _ int) (*harness.Session, error) {
	return dialPomelo(addr, "world.room.echo")
}

func dialPomelo(addr, route string) (*harness.Session, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	s, err := openPomelo(c, route)
	if err != nil {
		c.Close()
	}
	return s, err
}

func openPomelo(c net.Conn, route string) (*harness.Session, error) {
	hello := pomeloPacket(pomeloHandshake, []byte(`{"sys":{"platform":"linux","libVersion":"1","clientBuildNumber":"1","clientVersion":"1"},"user":{}}`))
	if _, err := c.Write(hello); err != nil {
		return nil, err
	}
	if kind, _, err := readPomelo(c); err != nil || kind != pomeloHandshake {
		return nil, fmt.Errorf("handshake answered with a packet of type %d: %w", kind, err)
	}
	message := append([]byte{0, 1, byte(len(route))}, route...) // a request, number 1
	request := pomeloPacket(pomeloData, append(message, harness.Payload...))
	if _, err := c.Write(append(pomeloPacket(pomeloAck, nil), request...)); err != nil {
		return nil, err
	}
	kind, answer, err := readPomelo(c)
	if err != nil {
		return nil, err
	}
	if err := checkPomelo(kind, answer); err != nil {
		return nil, err
	}
	// Answers to the same request are the same bytes, compressed or not.
	return &harness.Session{Conn: c, Request: request, Answer: pomeloPacket(pomeloData, answer)}, nil
}

func checkPomelo(kind byte, answer []byte) error {
	if kind != pomeloData || len(answer) < 2 || answer[0]&^pomeloCompressed != pomeloResponse || answer[1] != 1 {
		return fmt.Errorf("%w: packet of type %d: %q", errAnswer, kind, answer)
	}
	data := answer[2:]
	if answer[0]&pomeloCompressed != 0 {
		r, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return err
		}
		if data, err = io.ReadAll(r); err != nil {
			return err
		}
	}
	if string(data) != harness.Payload {
		return fmt.Errorf("%w: %q", errAnswer, data)
	}
	return nil
}

func pomeloPacket(kind byte, body []byte) []byte {
	n := len(body)
	return append([]byte{kind, byte(n >> 16), byte(n >> 8), byte(n)}, body...)
}

func readPomelo(r io.Reader) (kind byte, body []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	body = make([]byte, int(head[1])<<16|int(head[2])<<8|int(head[3]))
	_, err = io.ReadFull(r, body)
	return head[0], body, err
}
