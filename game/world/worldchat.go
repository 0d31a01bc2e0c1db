package world

import (
	"context"
	"maps"
	"slices"
	"sync"

	"loumiao/framework/actor"
	"loumiao/framework/line"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// sayToAll has public tell all players of the area, this one too.
func (p *Player) sayToAll(ctx *actor.Context, m *pb.SayToAll) (*pb.SayToAllReply, error) {
	say := &pb.Say{Area: uint32(p.area), Player: int64(p.id), Name: p.profile.GetName(), Text: m.GetText()}
	return api.Say.Call(ctx, p.world.rpc, say, rpc.Any)
}

func (p *Player) getChat(ctx *actor.Context, m *pb.GetChat) (*pb.GetChatReply, error) {
	return api.ListChat.Call(ctx, p.world.rpc, &pb.ListChat{Area: uint32(p.area), After: m.GetAfter()}, rpc.Any)
}

// said passes a line on to all who are here, in one frame for each gate. Who does not get it sees the gap in the numbers.
func (w *World) said(_ context.Context, m *pb.Said) (*pb.Done, error) {
	err := w.node.Line().Multicast(w.audience.of(api.Area(m.GetArea())), &pb.ChatSaid{Line: m.GetLine()})
	if err != nil {
		w.log.Debug("not everybody was told a line", "area", m.GetArea(), "err", err)
	}
	return &pb.Done{}, nil
}

// An audience is the sessions of those who are here, by area. It is safe for concurrent use.
type audience struct {
	mu    sync.Mutex
	areas map[api.Area]*crowd
}

type crowd struct {
	sessions map[*line.Session]bool
	list     []*line.Session // the same, never changed; nil: to be made
}

func newAudience() *audience { return &audience{areas: map[api.Area]*crowd{}} }

func (a *audience) join(area api.Area, s *line.Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.areas[area]
	if c == nil {
		c = &crowd{sessions: map[*line.Session]bool{}}
		a.areas[area] = c
	}
	c.sessions[s], c.list = true, nil
}

// leave takes a session out; nil is none.
func (a *audience) leave(area api.Area, s *line.Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.areas[area]
	if c == nil || s == nil {
		return
	}
	delete(c.sessions, s)
	c.list = nil
	if len(c.sessions) == 0 {
		delete(a.areas, area)
	}
}

func (a *audience) of(area api.Area) []*line.Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.areas[area]
	if c == nil {
		return nil
	}
	if c.list == nil {
		c.list = slices.Collect(maps.Keys(c.sessions))
	}
	return c.list
}
