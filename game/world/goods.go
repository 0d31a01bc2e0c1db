package world

import (
	"context"

	"loumiao/framework/actor"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// serveGoods registers what is about what the player has.
func (w *World) serveGoods(n *node.Node) {
	rpc.Handle(n, w.players, api.PlayerChanged, (*Player).changedElsewhere)
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

// refresh reads the profile again.
func (p *Player) refresh(ctx context.Context) error {
	profile, err := api.ReadProfile.Call(ctx, p.world.rpc, &pb.ReadProfile{Player: int64(p.id)}, rpc.ByKey(int64(p.id)))
	if err != nil {
		return err
	}
	p.profile = profile
	return nil
}
