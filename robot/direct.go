package robot

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/direct"
	"loumiao/framework/fault"
	"loumiao/game/pb"
	"loumiao/robot/client"
)

const (
	lineTimeout = 5 * time.Second        // for a direct line to be opened
	lineAgain   = 2 * time.Second        // from the end of a line to the next attempt
	lineLook    = 500 * time.Millisecond // how often a robot that hears nothing looks whether its line is still there
)

// A shortcut is a robot's direct line to a battle, if it is one of those that have one: asked for over the session, opened aside, and asked for again when it
// has ended. Without it everything goes by the session.
type shortcut struct {
	robot *robot
	room  int64
	line  *direct.Line // nil: none now
	used  bool         // there was one: what comes by two ways has no one order
	next  time.Time    // when to ask for one; zero: never

	opened chan attempt // of the attempt that is under way; nil: there is none
	stop   context.CancelFunc
	work   sync.WaitGroup
}

// An attempt is what came of asking for a line.
type attempt struct {
	line *direct.Line // nil: nothing
	err  error
}

// newShortcut is that of a battle.
func (r *robot) newShortcut(room int64) *shortcut {
	s := &shortcut{robot: r, room: room}
	if r.chance(r.cfg.Direct) {
		s.next = time.Now()
	}
	return s
}

// look notices that a line has been opened, or has ended, and asks for one when it is time. It reports whether one has ended, as the battle then has to go on by the
// session.
func (s *shortcut) look() (ended bool) {
	select {
	case a := <-s.opened: // a nil channel never has one
		s.opened = nil
		s.line, s.used = a.line, s.used || a.line != nil
		if s.line == nil && fault.CodeOf(a.err) != fault.Unavailable {
			s.next = time.Now().Add(lineAgain)
		}
	default:
	}
	if s.line != nil {
		select {
		case <-s.line.Done():
			s.lose()
			ended = true
		default:
		}
	}
	if s.line == nil && s.opened == nil && !s.next.IsZero() && !time.Now().Before(s.next) {
		s.open()
	}
	return ended
}

// lose gives the line up.
func (s *shortcut) lose() {
	s.line.Close()
	s.line.Wait()
	s.line, s.next = nil, time.Now().Add(lineAgain)
}

// open asks for a line and opens it, while the battle goes on.
func (s *shortcut) open() {
	r := s.robot
	opened := make(chan attempt, 1)
	ctx, stop := context.WithTimeout(context.Background(), lineTimeout)
	s.opened, s.stop, s.next = opened, stop, time.Time{}
	conn, take := r.conn, r.receiver()
	s.work.Go(func() {
		defer stop()
		l, err := dialDirect(ctx, r, conn, s.room, take)
		opened <- attempt{l, err}
	})
}

// dialDirect opens a direct line to a room. It is nil, and no error, when the battle was over first.
func dialDirect(ctx context.Context, r *robot, conn *client.Conn, room int64, take func(proto.Message)) (*direct.Line, error) {
	began := time.Now()
	reply, err := client.Request[*pb.OpenLineReply](ctx, conn, &pb.OpenLine{Room: room})
	switch code := fault.CodeOf(err); {
	case errors.Is(ctx.Err(), context.Canceled), code == fault.Unavailable, code == fault.FailedPrecondition, code == fault.NotFound, code == fault.Lost:
		return nil, err // it is too late, or there are none here
	}
	r.tally.request("zone.line", time.Since(began), err)
	if err != nil {
		return nil, err
	}
	began = time.Now()
	offer, err := offerOf(reply)
	var line *direct.Line
	if err == nil {
		var first sync.Once
		line, err = direct.Dial(ctx, reply.GetAddress(), offer, r.cfg.Registry, func(m proto.Message) {
			first.Do(func() { r.tally.wait("direct.used", time.Since(began), nil) })
			take(m)
		})
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return line, nil
	}
	r.tally.wait("direct.open", time.Since(began), err)
	return line, err
}

func offerOf(m *pb.OpenLineReply) (o direct.Offer, err error) {
	if copy(o.Ticket[:], m.GetTicket()) != len(m.GetTicket()) || len(m.GetTicket()) != len(o.Ticket) || len(m.GetKeyUp()) != len(o.Up) || len(m.GetKeyDown()) != len(o.Down) {
		return o, fault.New(fault.Invalid, "an offer of a direct line whose ticket or keys have other sizes")
	}
	copy(o.Up[:], m.GetKeyUp())
	copy(o.Down[:], m.GetKeyDown())
	return o, nil
}

// send sends a message of the battle by the line or, if there is none, by the session.
func (s *shortcut) send(m proto.Message) error {
	if s.line != nil && s.line.Send(m) == nil {
		return nil
	}
	return s.robot.conn.Send(m)
}

// cut breaks the line, as a network does that has had enough of UDP, and reports whether there was one.
func (s *shortcut) cut() bool {
	if s.line == nil {
		return false
	}
	s.line.Close()
	return true
}

// close ends it all.
func (s *shortcut) close() {
	if s.opened != nil {
		s.stop()
		s.work.Wait()
		s.line = (<-s.opened).line
	}
	if s.line != nil {
		s.lose()
	}
}
