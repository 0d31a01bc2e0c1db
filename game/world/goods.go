package world

import (
	"context"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// serveGoods registers what is about what the player has.
func (w *World) serveGoods(n *node.Node) {
	rpc.Handle(n, w.players, api.PlayerChanged, (*Player).changedElsewhere)
	line.Handle(n, w.players, entered((*Player).getBag))
	line.Handle(n, w.players, entered((*Player).useItem))
	line.Handle(n, w.players, entered((*Player).sellItem))
	line.Handle(n, w.players, entered((*Player).discardItem))
	line.Handle(n, w.players, entered((*Player).getOffers))
	line.Handle(n, w.players, entered((*Player).buyOffer))
	line.Handle(n, w.players, entered((*Player).getSignIn))
	line.Handle(n, w.players, entered((*Player).signIn))
	line.Handle(n, w.players, entered((*Player).rename))
	actor.HandleTell(w.players.Behavior(), (*Player).newDay)
	w.serveMail(n)
}

// arrived is when the player has been loaded.
func (p *Player) arrived(ctx *actor.Context) {
	p.awaitDay(ctx)
	p.appear(ctx)
	p.looksForBroadcasts(ctx, 0)
}

// changedElsewhere is told when somebody else has changed what the player has.
func (p *Player) changedElsewhere(ctx *actor.Context, _ *pb.PlayerChanged) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	if err := p.refresh(ctx); err != nil {
		return nil, err
	}
	p.push(&pb.ProfileChanged{Profile: p.copyProfile()})
	return &pb.Done{}, nil
}

// catchUp reads the profile again, and tells the client if it is another by now.
func (p *Player) catchUp(ctx context.Context) error {
	before := p.profile
	if err := p.refresh(ctx); err != nil {
		return err
	}
	if !proto.Equal(before, p.profile) {
		p.push(&pb.ProfileChanged{Profile: p.copyProfile()})
	}
	return nil
}

// refresh reads the profile again.
func (p *Player) refresh(ctx context.Context) error {
	profile, err := api.ReadProfile.Call(ctx, p.world.rpc, &pb.ReadProfile{Player: int64(p.id)}, rpc.ByKey(int64(p.id)))
	if err != nil {
		return err
	}
	p.profile = profile
	return nil
}

// gained is told what an operation on db has led to, and brings the profile up to it.
func (p *Player) gained(ctx context.Context, r *pb.ApplyReply) error {
	if r.GetRepeated() {
		return p.refresh(ctx) // what it led to then may have changed since
	}
	if p.profile.Wallet == nil {
		p.profile.Wallet = map[string]int64{}
	}
	maps.Copy(p.profile.Wallet, r.GetWallet())
	for item, count := range r.GetItems() {
		p.profile.Items = setItem(p.profile.GetItems(), item, count)
	}
	p.profile.Level, p.profile.Exp, p.profile.Rating = r.GetLevel(), r.GetExp(), r.GetRating()
	return nil
}

// setItem sets how many there are of an item in a list in alphabetical order.
func setItem(items []*pb.Item, item string, count int64) []*pb.Item {
	i, found := slices.BinarySearchFunc(items, item, func(have *pb.Item, item string) int { return strings.Compare(have.GetItem(), item) })
	switch {
	case found && count == 0:
		return slices.Delete(items, i, i+1)
	case found:
		items[i].Count = count
		return items
	case count == 0:
		return items
	}
	return slices.Insert(items, i, &pb.Item{Item: item, Count: count})
}
