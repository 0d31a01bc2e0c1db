package world

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// A circle is what other players are to a player. It is read from db when it is first needed, and follows what db says from then on.
type circle struct {
	others map[int64]*pb.Friend // nil until it is read; never changed, only replaced, because messages may hold them
	seen   map[int64]sighting   // friends, as their owners have said they are
	acted  map[int64]time.Time  // when the player has last done something about another
}

// lateNews is for how long what another has made of himself to a player may be told late: after what the player has done about him since.
const lateNews = time.Minute

func (w *World) serveFriends(n *node.Node) {
	line.Handle(n, w.players, entered((*Player).getFriends))
	line.Handle(n, w.players, entered((*Player).findPlayer))
	line.Handle(n, w.players, entered((*Player).addFriend))
	line.Handle(n, w.players, entered((*Player).removeFriend))
	line.Handle(n, w.players, entered((*Player).blockPlayer))
	line.Handle(n, w.players, entered((*Player).sendChat))
	rpc.Handle(n, w.players, api.PlayerRelated, (*Player).related)
	rpc.Handle(n, w.players, api.PlayerSeen, (*Player).friendSeen)
	rpc.Handle(n, w.players, api.PlayerTold, (*Player).told)
	actor.HandleTell(w.players.Behavior(), (*Player).announce)
	actor.HandleTell(w.players.Behavior(), (*Player).worldLost)
}

// meet reads the circle, unless that is done.
func (p *Player) meet(ctx context.Context) error {
	if p.circle.others != nil {
		return nil
	}
	return p.meetAgain(ctx)
}

// meetAgain reads the circle, and forgets how those were who are no friends.
func (p *Player) meetAgain(ctx context.Context) error {
	list, err := api.ListFriends.Call(ctx, p.world.rpc, &pb.ListFriends{Player: int64(p.id)}, p.db())
	if err != nil {
		return err
	}
	seen := p.circle.seen
	p.circle = circle{others: make(map[int64]*pb.Friend, len(list.GetFriends())), seen: map[int64]sighting{}, acted: p.circle.acted}
	for _, f := range list.GetFriends() {
		p.circle.others[f.GetPlayer()] = f
		if s, ok := seen[f.GetPlayer()]; ok && f.GetBond() == pb.Friend_FRIEND {
			p.circle.seen[f.GetPlayer()] = s
		}
	}
	return nil
}

// is is what another player is to this one, as far as it is known.
func (c *circle) is(other int64) pb.Friend_Bond { return c.others[other].GetBond() }

func (c *circle) set(f *pb.Friend) {
	if f.GetBond() == pb.Friend_NOTHING {
		delete(c.others, f.GetPlayer())
	} else {
		c.others[f.GetPlayer()] = f
	}
	if f.GetBond() != pb.Friend_FRIEND {
		delete(c.seen, f.GetPlayer())
	}
}

// getFriends reads everybody anew, since their names and levels change without a word, and now and then asks how they are, for what was not heard.
func (p *Player) getFriends(ctx *actor.Context, _ *pb.GetFriends) (*pb.GetFriendsReply, error) {
	if err := p.meetAgain(ctx); err != nil {
		return nil, err
	}
	reply := &pb.GetFriendsReply{}
	for id, f := range p.circle.others {
		f = proto.CloneOf(f)
		f.Presence = p.circle.seen[id].presence
		reply.Friends = append(reply.Friends, f)
	}
	slices.SortFunc(reply.Friends, func(a, b *pb.Friend) int { return cmp.Compare(a.GetPlayer(), b.GetPlayer()) })
	if p.world.now().Sub(p.look.asked) >= askEvery {
		p.announceIn(ctx, 0, true)
	}
	return reply, nil
}

func (p *Player) findPlayer(ctx *actor.Context, m *pb.FindPlayer) (*pb.FindPlayerReply, error) {
	name, err := p.world.cfg.Names.Check(m.GetName())
	if err != nil {
		name = m.GetName() // the rules may have been others when that name was taken
	}
	return api.FindByName.Call(ctx, p.world.rpc, &pb.FindByName{Area: uint32(p.area), Name: name}, p.db())
}

func (p *Player) addFriend(ctx *actor.Context, m *pb.AddFriend) (*pb.AddFriendReply, error) {
	bond, err := p.relate(ctx, m.GetPlayer(), pb.Relate_ASK)
	return &pb.AddFriendReply{Bond: bond}, err
}

func (p *Player) removeFriend(ctx *actor.Context, m *pb.RemoveFriend) (*pb.RemoveFriendReply, error) {
	_, err := p.relate(ctx, m.GetPlayer(), pb.Relate_PART)
	return &pb.RemoveFriendReply{}, err
}

func (p *Player) blockPlayer(ctx *actor.Context, m *pb.BlockPlayer) (*pb.BlockPlayerReply, error) {
	_, err := p.relate(ctx, m.GetPlayer(), pb.Relate_BLOCK)
	return &pb.BlockPlayerReply{}, err
}

// relate does something about another player, whose owner is told by db.
func (p *Player) relate(ctx context.Context, other int64, act pb.Relate_Act) (pb.Friend_Bond, error) {
	if !p.talk.mayAct(p.world.now()) {
		return 0, fault.Errorf(fault.RateLimited, "too much done about others at once; wait %s", sayEvery)
	}
	if err := p.meet(ctx); err != nil {
		return 0, err
	}
	r, err := api.Relate.Call(ctx, p.world.rpc, &pb.Relate{Player: int64(p.id), Epoch: p.epoch, Other: other, Act: act}, p.db())
	if err != nil {
		return 0, err
	}
	p.circle.set(r.GetFriend())
	p.circle.act(other, p.world.now())
	return r.GetFriend().GetBond(), nil
}

// act notes that the player has done something about another.
func (c *circle) act(other int64, now time.Time) {
	if c.acted == nil {
		c.acted = map[int64]time.Time{}
	}
	maps.DeleteFunc(c.acted, func(_ int64, at time.Time) bool { return now.Sub(at) > lateNews })
	c.acted[other] = now
}

// related is told by db what another player has made of himself to this one. Of a new friend it asks how he is; he has heard of the friendship first. Nobody but the player ends
// a block of his: what is told of whom he has blocked is from before. So may be what is told of whom he has just done something about: then db is asked how it is now.
func (p *Player) related(ctx *actor.Context, m *pb.PlayerRelated) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	f := m.GetFriend()
	was := p.circle.is(f.GetPlayer())
	if was == pb.Friend_BLOCKED {
		return &pb.Done{}, nil
	}
	if at, ok := p.circle.acted[f.GetPlayer()]; ok && p.world.now().Sub(at) <= lateNews {
		if err := p.meetAgain(ctx); err != nil {
			return nil, err
		}
		now := p.circle.is(f.GetPlayer())
		if now == was {
			return &pb.Done{}, nil
		}
		f = proto.CloneOf(f)
		f.Bond = now
	}
	if p.circle.others != nil {
		p.circle.set(f)
		if f.GetBond() == pb.Friend_FRIEND && was != pb.Friend_FRIEND {
			p.show(f.GetPlayer(), p.presence(), true)
		}
	}
	if p.talk.mayHear(p.world.now()) { // or the client learns it from its next list
		p.push(&pb.FriendChanged{Friend: f})
	}
	return &pb.Done{}, nil
}
