package peers

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/gobwas/ws"
	"github.com/gorilla/websocket"
	"github.com/lxzan/gws"

	"loumiao/scripts/bench/harness"
)

type gwsEcho struct{ gws.BuiltinEventHandler }

func (gwsEcho) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	_ = c.WriteMessage(m.Opcode, m.Bytes())
}

// ServeGws is gws with its defaults.
func ServeGws(*harness.Host) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() { _ = gws.NewServer(&gwsEcho{}, &gws.ServerOption{}).RunListener(l) }()
	return l.Addr().String(), nil
}

// ServeGorilla is gorilla/websocket with its defaults.
func ServeGorilla(*harness.Host) (addr string, err error) {
	return serveGorilla(websocket.Upgrader{})
}

// ServeGorillaTuned is gorilla/websocket with buffers of the size of its messages, those for writing pooled, as its documentation tells
// those with many idle connections.
func ServeGorillaTuned(*harness.Host) (addr string, err error) {
	return serveGorilla(websocket.Upgrader{ReadBufferSize: 256, WriteBufferSize: 256, WriteBufferPool: &sync.Pool{}})
}

func serveGorilla(upgrader websocket.Upgrader) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer c.Close()
			for {
				kind, b, err := c.ReadMessage()
				if err != nil || c.WriteMessage(kind, b) != nil {
					return
				}
			}
		}))
	}()
	return l.Addr().String(), nil
}

// DialWebSocket opens a WebSocket whose binary messages come back.
func DialWebSocket(addr string, _ int) (*harness.Session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c, _, _, err := ws.Dial(ctx, "ws://"+addr+"/")
	if err != nil {
		return nil, err
	}
	frame := ws.NewBinaryFrame([]byte(harness.Payload))
	return &harness.Session{Conn: c, Request: ws.MustCompileFrame(ws.MaskFrame(frame)), Answer: ws.MustCompileFrame(frame)}, nil
}
