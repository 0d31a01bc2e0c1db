package client_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"loumiao/framework/wire"
)

// peers are the far ends of connections on which any bytes can follow a WebSocket's upgrade.
type peers struct{ sync.WaitGroup }

// upgrade answers the request for a WebSocket, says Welcome if that is wanted, then the stream in pieces, and hangs up.
func (p *peers) upgrade(c net.Conn, r *wire.Registry, stream []byte, piece int, welcomed, json bool) {
	defer c.Close()
	in := bufio.NewReader(c)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, 4.2.2
	if _, err := fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:])); err != nil {
		return
	}
	p.Go(func() { _, _ = io.Copy(io.Discard, in) })
	if welcomed {
		welcome, _ := said(r, json)
		stream = append(serverFrame(welcome), stream...)
	}
	for len(stream) > 0 {
		n := min(piece, len(stream))
		if _, err := c.Write(stream[:n]); err != nil {
			return
		}
		stream = stream[n:]
	}
}

// serverFrame is a binary message of a server's, in one frame of RFC 6455.
func serverFrame(payload []byte) []byte {
	frame := binary.BigEndian.AppendUint16([]byte{0x82, 126}, uint16(len(payload)))
	return append(frame, payload...)
}
