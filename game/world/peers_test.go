package world_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/world"
)

// goodPass is the pass that the test's queue takes.
const goodPass = "good"

// peers is what the world knows of db, queue and match: players in memory, with epochs.
type peers struct {
	mu         sync.Mutex
	players    map[int64]*pb.PlayerRecord
	saves      []*pb.SavePlayer
	failing    error // what saves fail with
	reading    error // what reading a profile fails with
	unloadable error // what loads fail with
	passes     []*pb.RedeemPass
	inside     map[int64]bool
	left       map[int64]int // how often
	tickets    []*pb.LeaveMatch
	parties    []*pb.DoParty  // what was asked of match
	number     int64          // of what it answers
	leave      error          // what giving a ticket back fails with
	late       bool           // it is too late to give a ticket back
	orphan     bool           // there is a ticket of which the player's world has not heard
	stood      map[int64]int  // how often a world has stood for a ticket
	forgotten  map[int64]bool // tickets that match does not know
	loads      int
	history    []*pb.MatchResult // of whoever asks
	rooms      map[int64]bool    // that zones say they have
	leaves     bool              // zones say that whoever is asked for has left
	friends    map[int64]int64   // of whoever has one
}

func newPeers() *peers {
	return &peers{players: map[int64]*pb.PlayerRecord{}, inside: map[int64]bool{}, left: map[int64]int{}, rooms: map[int64]bool{}, friends: map[int64]int64{}, stood: map[int64]int{}, forgotten: map[int64]bool{}}
}

// befriend makes two players friends.
func (p *peers) befriend(a, b int64) { p.locked(func() { p.friends[a], p.friends[b] = b, a }) }

// locked runs fn while nothing changes.
func (p *peers) locked(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
}

// fail has saves fail from now on; nil: no more.
func (p *peers) fail(err error) { p.locked(func() { p.failing = err }) }

// state is what is stored of a player.
func (p *peers) state(player int64) (state string) {
	p.locked(func() { state = string(p.players[player].GetState()) })
	return state
}

// isInside is what the queue has been told.
func (p *peers) isInside(player int64) (inside bool) {
	p.locked(func() { inside = p.inside[player] })
	return inside
}

// taken has another world take the player and save a state.
func (p *place) taken(player int64, state string) {
	p.peers.locked(func() {
		record := p.peers.players[player]
		record.Epoch++
		record.State, record.Schema = []byte(state), world.Schema
		p.peers.saves = nil
	})
}

// A service registers handlers and does nothing else.
type service func(n *node.Node)

// Start registers the handlers.
func (s service) Start(_ context.Context, n *node.Node) error { s(n); return nil }

// Ready has nothing to do.
func (service) Ready(context.Context) error { return nil }

// Stop has nothing to do.
func (service) Stop(context.Context) error { return nil }

func (p *peers) db() service {
	return func(n *node.Node) {
		rpc.HandleFunc(n, api.LoadPlayer, func(_ context.Context, m *pb.LoadPlayer) (*pb.PlayerRecord, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.unloadable != nil {
				return nil, p.unloadable
			}
			record := p.players[m.GetPlayer()]
			if record == nil {
				record = &pb.PlayerRecord{Account: m.GetAccount(), Profile: &pb.Profile{
					Player: m.GetPlayer(), Name: fmt.Sprintf("Player %d", m.GetPlayer()), Area: m.GetArea(), Level: 1,
				}}
				p.players[m.GetPlayer()] = record
			}
			if m.GetEpoch() != 0 && m.GetEpoch() != record.GetEpoch() {
				return nil, fault.New(fault.Fenced, "an old epoch")
			}
			if m.GetSchema() != 0 && m.GetSchema() < record.GetSchema() {
				return nil, fault.New(fault.Version, "a newer state")
			}
			record.Epoch++
			p.loads++
			return proto.CloneOf(record), nil
		})
		rpc.HandleFunc(n, api.SavePlayer, func(_ context.Context, m *pb.SavePlayer) (*pb.Done, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			record := p.players[m.GetPlayer()]
			switch {
			case p.failing != nil:
				return nil, p.failing
			case record.GetEpoch() != m.GetEpoch():
				return nil, fault.New(fault.Fenced, "an old epoch")
			}
			record.State, record.Schema = m.GetState(), m.GetSchema()
			p.saves = append(p.saves, m)
			return &pb.Done{}, nil
		})
		rpc.HandleFunc(n, api.ListFriends, func(_ context.Context, m *pb.ListFriends) (*pb.GetFriendsReply, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			reply := &pb.GetFriendsReply{}
			if friend, ok := p.friends[m.GetPlayer()]; ok {
				reply.Friends = append(reply.Friends, &pb.Friend{Player: friend, Bond: pb.Friend_FRIEND})
			}
			return reply, nil
		})
		rpc.HandleFunc(n, api.ListMatches, func(context.Context, *pb.ListMatches) (*pb.GetMatchesReply, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			return &pb.GetMatchesReply{Matches: slices.Clone(p.history)}, nil
		})
		rpc.HandleFunc(n, api.ReadProfile, func(_ context.Context, m *pb.ReadProfile) (*pb.Profile, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			return proto.CloneOf(p.players[m.GetPlayer()].GetProfile()), p.reading
		})
	}
}

// zone says which rooms it has, and answers every client who comes.
func (p *peers) zone() service {
	return func(n *node.Node) {
		rpc.HandleFunc(n, api.HasRoom, func(_ context.Context, m *pb.HasRoom) (*pb.HasRoomReply, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			return &pb.HasRoomReply{Here: p.rooms[m.GetRoom()], Left: p.leaves}, nil
		})
		rooms := actor.NewPool(n.Actors(), func(_ *actor.Context, _ int64) (*int, error) { return new(int), nil }, actor.PoolConfig{Name: "room", OnRequest: true})
		key := func(_ *line.Session, m *pb.JoinRoom) (int64, error) {
			_, err := rooms.Create(m.GetRoom())
			return m.GetRoom(), err
		}
		line.HandleBy(n, rooms, key, func(_ *int, _ *actor.Context, m *pb.JoinRoom) (*pb.JoinRoomReply, error) {
			return &pb.JoinRoomReply{Room: m.GetRoom()}, nil
		})
	}
}

func (p *peers) queue() service {
	return func(n *node.Node) {
		rpc.HandleFunc(n, api.RedeemPass, func(_ context.Context, m *pb.RedeemPass) (*pb.Done, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.passes = append(p.passes, m)
			if m.GetPass() != goodPass {
				return nil, fault.New(fault.Forbidden, "no such pass")
			}
			return &pb.Done{}, nil
		})
		rpc.HandleFunc(n, api.ReportInside, func(_ context.Context, m *pb.ReportInside) (*pb.Done, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, player := range m.GetLeft() {
				delete(p.inside, player)
				p.left[player]++
			}
			for _, player := range m.GetPlayers() {
				p.inside[player] = true
			}
			return &pb.Done{}, nil
		})
	}
}

// match gives every player the ticket 500 and the player's number.
func (p *peers) match() service {
	return func(n *node.Node) {
		rpc.HandleFunc(n, api.JoinMatch, func(_ context.Context, m *pb.JoinMatch) (*pb.JoinMatchReply, error) {
			return &pb.JoinMatchReply{Ticket: 500 + m.GetPlayer()}, nil
		})
		rpc.HandleFunc(n, api.AnswerMatch, func(_ context.Context, m *pb.AnswerMatch) (*pb.AnswerMatchReply, error) {
			if m.GetMatch() != 10 || m.GetEpoch() == 0 {
				return nil, fault.New(fault.NotFound, "not asked")
			}
			return &pb.AnswerMatchReply{Accepted: m.GetAccept()}, nil
		})
		rpc.HandleFunc(n, api.StandForTickets, func(_ context.Context, m *pb.StandForTickets) (*pb.StandForTicketsReply, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			reply := &pb.StandForTicketsReply{}
			for i, ticket := range m.GetTickets() {
				p.stood[ticket]++
				if p.forgotten[ticket] {
					reply.Gone = append(reply.Gone, m.GetPlayers()[i])
				}
			}
			return reply, nil
		})
		rpc.HandleFunc(n, api.DoParty, func(_ context.Context, m *pb.DoParty) (*pb.DoPartyReply, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.parties = append(p.parties, m)
			if m.GetAct() == pb.DoParty_LEAVE {
				return &pb.DoPartyReply{Party: &pb.Party{}, Number: p.number}, nil
			}
			return &pb.DoPartyReply{Party: &pb.Party{Party: 77, Players: []int64{m.GetPlayer(), m.GetOther()}}, Number: p.number}, nil
		})
		rpc.HandleFunc(n, api.LeaveMatch, func(_ context.Context, m *pb.LeaveMatch) (*pb.LeaveMatchReply, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.tickets = append(p.tickets, m)
			if p.leave != nil {
				return nil, p.leave
			}
			if m.GetTicket() == 0 && !p.orphan {
				return nil, fault.New(fault.NotFound, "no such ticket")
			}
			return &pb.LeaveMatchReply{Cancelled: !p.late}, nil
		})
	}
}

// lefts is how often the queue was told that each player has left.
func (p *peers) lefts() (left map[int64]int) {
	p.locked(func() { left = maps.Clone(p.left) })
	return left
}
