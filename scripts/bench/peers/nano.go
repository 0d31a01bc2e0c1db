package peers

import (
	"io"
	"log"
	"net"
	"time"

	"github.com/lonng/nano"
	"github.com/lonng/nano/component"
	"github.com/lonng/nano/session"

	"loumiao/scripts/bench/harness"
)

// Room is a component in the way of nano, which wants it exported.
type Room struct{ component.Base }

// Echo answers with what it got.
func (*Room) Echo(s *session.Session, msg []byte) error { return s.Response(msg) }

// ServeNano is nano as a single server, with its defaults but for heartbeats, which would be read as answers.
func ServeNano(*harness.Host) (addr string, err error) {
	if addr, err = freeAddr(); err != nil {
		return "", err
	}
	components := &component.Components{}
	components.Register(&Room{}, component.WithName("room"), component.WithNameFunc(func(string) string { return "echo" }))
	go nano.Listen(addr, nano.WithComponents(components), nano.WithHeartbeatInterval(time.Hour), nano.WithLogger(log.New(io.Discard, "", 0)))
	for end := time.Now().Add(timeout); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return addr, c.Close()
		}
		if time.Now().After(end) {
			return "", err
		}
	}
}

// DialNano opens a session of nano.
func DialNano(addr string, _ int) (*harness.Session, error) { return dialPomelo(addr, "room.echo") }
