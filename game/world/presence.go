package world

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// A sighting is how a friend was when his owner last said so.
type sighting struct {
	presence pb.Friend_Presence
	world    id.Node
	epoch    uint64
	number   uint64
}

// An appearance is how friends see a player.
type appearance struct {
	said    pb.Friend_Presence
	number  uint64    // counts what was said
	at      time.Time // when it was said last
	asked   time.Time // when friends were last asked how they are
	pending bool      // an announce is on its way
}

// askEvery is how often friends are asked how they are, at most.
const askEvery = 30 * time.Second

// presence is how the player is.
func (p *Player) presence() pb.Friend_Presence {
	switch {
	case p.epoch == 0 || p.leaving:
		return pb.Friend_OFFLINE
	case p.state.Match != nil:
		return pb.Friend_IN_BATTLE
	}
	return pb.Friend_ONLINE
}

// announce is told when friends are to hear how the player is.
type announce struct{ hello bool }

func (p *Player) announce(ctx *actor.Context, m *announce) error {
	p.look.pending = false
	if p.holds() != nil || !m.hello && p.presence() == p.look.said {
		return nil
	}
	if err := p.meet(ctx); err != nil {
		p.world.log.Debug("friends not read; will try again", "player", p.id, "err", err)
		p.announceIn(ctx, p.world.cfg.PresenceEvery, m.hello)
		return nil
	}
	p.look.at = p.world.now()
	if m.hello {
		p.look.asked = p.look.at
	}
	p.showAll(p.presence(), m.hello)
	return nil
}

func (p *Player) announceIn(ctx *actor.Context, d time.Duration, hello bool) {
	if !p.look.pending {
		p.look.pending = true
		ctx.After(d, &announce{hello})
	}
}

// notice has friends told if the player is another way than they were told, at most once in Config.PresenceEvery: what changes meanwhile is told as it is
// then.
func (p *Player) notice(ctx *actor.Context) {
	if p.presence() != p.look.said {
		p.announceIn(ctx, max(0, p.world.cfg.PresenceEvery-p.world.now().Sub(p.look.at)), false)
	}
}

// noticed is a handler after which the player may be another way.
func noticed[M, R proto.Message](handle func(*Player, *actor.Context, M) (R, error)) func(*Player, *actor.Context, M) (R, error) {
	return func(p *Player, ctx *actor.Context, m M) (R, error) {
		defer p.notice(ctx)
		return handle(p, ctx, m)
	}
}

// noticedTell is noticed for a handler without a reply.
func noticedTell[M any](handle func(*Player, *actor.Context, M) error) func(*Player, *actor.Context, M) error {
	return func(p *Player, ctx *actor.Context, m M) error {
		defer p.notice(ctx)
		return handle(p, ctx, m)
	}
}

// appear has friends greeted when the player has come, each of whom answers with how he is. Not at once, and not all players at the same time: a
// world may take over thousands.
func (p *Player) appear(ctx *actor.Context) {
	p.circle, p.look = circle{}, appearance{}
	p.announceIn(ctx, rand.N(p.world.cfg.PresenceEvery), true)
}

// disappear has friends told that the player is gone, unless another world has him.
func (p *Player) disappear() {
	if !p.taken && p.circle.others != nil && p.look.said != pb.Friend_OFFLINE {
		p.showAll(pb.Friend_OFFLINE, false)
	}
}

func (p *Player) showAll(how pb.Friend_Presence, hello bool) {
	p.look.said = how
	for other, f := range p.circle.others {
		if f.GetBond() == pb.Friend_FRIEND {
			p.show(other, how, hello)
		}
	}
}

// show tells a friend's owner how the player is. Nobody waits for it; who owns nobody, or is told too late, learns it when he asks.
func (p *Player) show(friend int64, how pb.Friend_Presence, hello bool) {
	p.look.number++
	m := &pb.PlayerSeen{Player: friend, Friend: int64(p.id), Presence: how, Epoch: p.epoch, Number: p.look.number, Hello: hello}
	w := p.world
	m.World = uint32(w.node.ID())
	if !w.courier.take(func(ctx context.Context) {
		err := api.PlayerSeen.Send(ctx, w.rpc, m)
		if err != nil && fault.CodeOf(err) != fault.NotOwner {
			w.log.Debug("friend not told", "player", m.GetFriend(), "friend", friend, "err", err)
		}
	}) {
		w.log.Debug("friend not told: too much to tell", "player", p.id, "friend", friend)
	}
}

// friendSeen is told by a friend's owner how he is.
func (p *Player) friendSeen(_ *actor.Context, m *pb.PlayerSeen) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	if p.circle.is(m.GetFriend()) != pb.Friend_FRIEND {
		return &pb.Done{}, nil // or not read yet: then he will be asked
	}
	was, known := p.circle.seen[m.GetFriend()]
	if known && (m.GetEpoch() < was.epoch || m.GetEpoch() == was.epoch && m.GetNumber() <= was.number) {
		return &pb.Done{}, nil
	}
	p.circle.seen[m.GetFriend()] = sighting{m.GetPresence(), id.Node(m.GetWorld()), m.GetEpoch(), m.GetNumber()}
	if was.presence != m.GetPresence() {
		p.push(&pb.PresenceChanged{Player: m.GetFriend(), Presence: m.GetPresence()})
	}
	if m.GetHello() {
		p.show(m.GetFriend(), p.presence(), false)
	}
	return &pb.Done{}, nil
}

// worldLost is told when a world is gone, whose players have not said good-bye.
type worldLost struct{ world id.Node }

func (p *Player) worldLost(_ *actor.Context, m *worldLost) error {
	for friend, s := range p.circle.seen {
		if s.world == m.world && s.presence != pb.Friend_OFFLINE {
			s.presence = pb.Friend_OFFLINE
			p.circle.seen[friend] = s
			p.push(&pb.PresenceChanged{Player: friend, Presence: pb.Friend_OFFLINE})
		}
	}
	return nil
}

// watchWorlds tells every player when a world is gone.
func (w *World) watchWorlds(old, now *cluster.Snapshot) {
	for _, was := range old.ByType(api.World) {
		if is, ok := now.Node(was.Node); ok && is.Boot == was.Boot {
			continue
		}
		w.players.Range(func(_ api.PlayerID, ref actor.Ref) bool {
			if err := ref.Tell(&worldLost{was.Node}); err != nil {
				w.log.Warn("player not told of a lost world", "player", ref.Name(), "err", err)
			}
			return true
		})
	}
}
