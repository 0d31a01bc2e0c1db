package zone

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/direct"
	"loumiao/framework/fault"
	"loumiao/framework/line"
	"loumiao/framework/wire"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// silence is after how long without anything a direct line ends.
const silence = 5 * time.Second

// What a room is told of direct lines.
type (
	lineOpened struct{ line *direct.Line }
	lineSaid   struct {
		line    *direct.Line
		message proto.Message
	}
	lineClosed struct{ line *direct.Line }
)

// listen opens the desk for direct lines, if there is to be one.
func (z *Zone) listen(registry *wire.Registry, silence time.Duration) (err error) {
	if z.cfg.Direct == "" {
		return nil
	}
	z.desk, err = direct.Listen(z.cfg.Direct, direct.Config{Registry: registry, Type: api.Zone, Handler: hall{z}, Silence: silence, Logger: z.log})
	if err != nil {
		return fmt.Errorf("%w (zone.direct says where it listens)", err)
	}
	return nil
}

// directAddress is where players are told that direct lines begin.
func (z *Zone) directAddress() string {
	address := z.desk.Addr().String()
	if z.cfg.DirectHost == "" {
		return address
	}
	_, port, _ := net.SplitHostPort(address) // which is one, as it listens there
	return net.JoinHostPort(z.cfg.DirectHost, port)
}

// stopDesk ends direct lines, if there can be any.
func (z *Zone) stopDesk(ctx context.Context) error {
	if z.desk == nil {
		return nil
	}
	return z.desk.Stop(ctx)
}

// openLine makes the player who asks for it an offer of a direct line.
func (r *Room) openLine(ctx *actor.Context, _ *pb.OpenLine) (*pb.OpenLineReply, error) {
	s := line.SessionOf(ctx)
	if r.zone.desk == nil {
		return nil, fault.New(fault.Unavailable, "there are no direct lines here")
	}
	if r.battle == nil || s == nil || r.battle.seatOf(s) == nil {
		return nil, fault.New(fault.FailedPrecondition, "only who has joined a room gets a direct line to it")
	}
	offer, err := r.zone.desk.Offer(direct.Holder{Player: s.Player, Room: int64(r.match)})
	if err != nil {
		return nil, err
	}
	r.battle.seatOf(s).offered = offer.Ticket
	return &pb.OpenLineReply{
		Address: r.zone.directAddress(), Ticket: offer.Ticket[:], KeyUp: offer.Up[:], KeyDown: offer.Down[:], ValidMs: int32(offer.Valid.Milliseconds()),
	}, nil
}

// A hall leads direct lines to their rooms.
type hall struct{ zone *Zone }

// Opened leads a new line to its room.
func (h hall) Opened(l *direct.Line) error {
	room, ok := h.zone.rooms.Get(api.MatchID(l.Room))
	if !ok {
		return fault.New(fault.NotFound, "the room is gone")
	}
	return room.Tell(&lineOpened{l})
}

// Received leads a message to its room. One for which there is no room just now is made good by the next.
func (h hall) Received(l *direct.Line, m proto.Message) {
	if room, ok := h.zone.rooms.Get(api.MatchID(l.Room)); ok {
		_ = room.Tell(&lineSaid{l, m})
	}
}

// Closed tells the room. Should that fail, the room learns it when it sends something.
func (h hall) Closed(l *direct.Line) {
	if room, ok := h.zone.rooms.Get(api.MatchID(l.Room)); ok {
		_ = room.Tell(&lineClosed{l})
	}
}

// A straight is a direct line as a battle has it.
type straight struct{ *direct.Line }

// Push sends the player something.
func (s straight) Push(m proto.Message) error { return s.Send(m) }

func (r *Room) lineOpened(_ *actor.Context, m *lineOpened) error {
	if r.battle == nil || !r.battle.dial(api.PlayerID(m.line.Player), m.line.Ticket, straight{m.line}) {
		m.line.Close()
	}
	return nil
}

func (r *Room) lineSaid(_ *actor.Context, m *lineSaid) error {
	if r.battle == nil {
		return nil
	}
	switch said := m.message.(type) {
	case *pb.RoomInput:
		r.battle.steer(straight{m.line}, said)
	case *pb.FrameChecksum:
		r.verify(straight{m.line}, said)
	}
	return nil
}

func (r *Room) lineClosed(_ *actor.Context, m *lineClosed) error {
	if r.battle != nil {
		r.battle.leave(straight{m.line})
	}
	return nil
}
