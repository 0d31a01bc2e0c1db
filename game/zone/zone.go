package zone

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/direct"
	"loumiao/framework/fault"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/arena"
	"loumiao/game/pb"
)

// stopMargin is what is left of the node's time to stop when the zone no longer waits for its rooms.
const stopMargin = time.Second

// A Zone is the service of one zone node.
type Zone struct {
	cfg      Config
	recorded func(*Recording)
	seed     func() uint32

	log   *slog.Logger
	peers peers
	rooms *actor.Pool[api.MatchID, Room]
	busy  *busy
	stats *stats
	desk  *direct.Desk // of direct lines; nil: none
	board board        // open seats

	life    context.Context // of who tells owners something while battles go on
	end     context.CancelFunc
	tellers sync.WaitGroup

	fields *fields // nil until Start
}

// New is a zone that is not started.
func New(cfg Config) *Zone {
	z := &Zone{cfg: cfg, seed: randomSeed}
	z.life, z.end = context.WithCancel(context.Background())
	return z
}

// OnRecording has fn be given the recording of every battle that has come to its end. It is called before the zone starts, and fn on a
// room's turn, so it must not wait. Without it recordings are dropped.
func (z *Zone) OnRecording(fn func(*Recording)) { z.recorded = fn }

// Start registers what clients may send and peers may call.
func (z *Zone) Start(_ context.Context, n *node.Node) error {
	z.build(n.Actors(), n.Log(), &remote{rpc: n.RPC(), view: n.Cluster(), self: n.ID()})
	rpc.HandleFunc(n, api.CreateRoom, z.createRoom)
	rpc.HandleFunc(n, api.HasRoom, z.hasRoom)
	rpc.HandleFunc(n, api.FillSeat, z.fillSeat)
	z.serve(n)
	z.fields = newFields(n, z.cfg.Fields)
	z.fields.serve(n)
	z.fields.serveRPC(n)
	n.Go(z.offerPlaces)
	n.Go(z.fields.keep)
	n.Go(z.fields.report.run)
	if err := z.listen(n.Registry(), n.Stretch(silence)); err != nil {
		return err
	}
	if z.desk != nil {
		n.Publish("direct", "udp://"+z.directAddress())
	}
	return errors.Join(z.stats.register(n.Metrics()), z.fields.stats.register(n.Metrics()))
}

// serve registers what clients may send.
func (z *Zone) serve(h line.Host) {
	line.HandleBy(h, z.rooms, roomOf[*pb.JoinRoom], guarded((*Room).join))
	line.HandleSendBy(h, z.rooms, roomOf[*pb.RoomInput], guardedTell((*Room).input))
	line.HandleSendBy(h, z.rooms, roomOf[*pb.FrameChecksum], guardedTell((*Room).checksum))
	line.HandleBy(h, z.rooms, roomOf[*pb.OpenLine], guarded((*Room).openLine))
}

// build makes the zone of what a node gives it.
func (z *Zone) build(sys *actor.System, log *slog.Logger, p peers) {
	z.log, z.peers = log, p
	z.busy = newBusy(z.cfg.MaxRooms)
	z.stats = newStats(z.busy.count)
	z.rooms = actor.NewPool(sys, z.arrive, actor.PoolConfig{Name: "room", OnRequest: true})

	b := z.rooms.Behavior()
	actor.Handle(b, guarded((*Room).open))
	actor.Handle(b, guarded((*Room).look))
	actor.Handle(b, guarded((*Room).fillSeat))
	actor.HandleTell(b, guardedTell((*Room).abandon))
	actor.HandleTell(b, guardedTell((*Room).begin))
	actor.HandleTell(b, guardedTell((*Room).tick))
	actor.HandleTell(b, guardedTell((*Room).again))
	actor.HandleTell(b, guardedTell((*Room).forget))
	actor.HandleTell(b, guardedTell((*Room).finish))
	actor.HandleTell(b, guardedTell((*Room).detached))
	actor.HandleTell(b, guardedTell((*Room).lineOpened))
	actor.HandleTell(b, guardedTell((*Room).lineSaid))
	actor.HandleTell(b, guardedTell((*Room).lineClosed))
	b.OnStop((*Room).close)
}

// Ready has nothing to wait for.
func (z *Zone) Ready(context.Context) error { return nil }

// Stop takes no more rooms, gives battles the time that is configured to come to their end, aborts the others, and waits until every result is stored.
func (z *Zone) Stop(ctx context.Context) error {
	z.busy.close()
	var ended error
	if z.fields != nil { // first: the players go on at once where others serve them
		ended = z.fields.stop(ctx)
	}
	patience := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		patience, cancel = context.WithDeadline(ctx, deadline.Add(-stopMargin))
		defer cancel()
	}
	until := time.Now().Add(z.cfg.Drain)
	if deadline, ok := patience.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	z.rooms.Range(func(match api.MatchID, room actor.Ref) bool {
		if err := room.TellWait(patience, &finish{until: until}); err != nil && !errors.Is(err, actor.ErrStopped) {
			z.log.Warn("room not told to finish", "match", match, "err", err)
		}
		return true
	})
	if z.busy.wait(patience) != nil {
		z.log.Warn("rooms stopped before they had settled", "rooms", z.busy.count())
	}
	drained := z.rooms.Drain(ctx)
	z.end()
	z.tellers.Wait()
	return errors.Join(ended, drained, z.stopDesk(ctx))
}

// createRoom makes the room of a match. Called again for the same match, it answers the same.
func (z *Zone) createRoom(ctx context.Context, m *pb.CreateRoom) (*pb.CreateRoomReply, error) {
	if err := checkRoom(m); err != nil {
		return nil, err
	}
	room, err := z.rooms.Create(api.MatchID(m.GetMatch()))
	if err != nil {
		return nil, err
	}
	return actor.Ask(ctx, room, &open{request: m})
}

func checkRoom(m *pb.CreateRoom) error {
	players := slices.Sorted(slices.Values(m.GetPlayers()))
	switch n := len(players); {
	case m.GetMatch() <= 0:
		return fault.Errorf(fault.Invalid, "match %d: no such id", m.GetMatch())
	case m.GetArea() > 1<<16-1:
		return fault.Errorf(fault.Invalid, "area %d: no such area", m.GetArea())
	case n < 1 || n > arena.MaxPlayers:
		return fault.Errorf(fault.Invalid, "%d players: must be 1 to %d", n, arena.MaxPlayers)
	case players[0] <= 0:
		return fault.Errorf(fault.Invalid, "player %d: no such id", players[0])
	case len(slices.Compact(players)) < n:
		return fault.New(fault.Invalid, "a player has more than one seat")
	case m.GetBackfill() && len(m.GetRatings()) != n:
		return fault.Errorf(fault.Invalid, "%d ratings for %d players", len(m.GetRatings()), n)
	}
	return nil
}

// roomOf is the room that a client's message names. Whether its player has a seat there is for the room to say.
func roomOf[M interface{ GetRoom() int64 }](_ *line.Session, m M) (api.MatchID, error) {
	return api.MatchID(m.GetRoom()), nil
}

// randomSeed is a seed that no player can foresee.
func randomSeed() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint32(b[:])
}
