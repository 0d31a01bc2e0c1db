package world

import (
	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/game/pb"
)

// rename gives the player another name, once for each request, and takes the fee with it.
func (p *Player) rename(ctx *actor.Context, m *pb.Rename) (*pb.RenameReply, error) {
	if err := checkRequest(m.GetRequest(), 1); err != nil {
		return nil, err
	}
	name, err := p.world.cfg.Names.Check(m.GetName())
	if err != nil {
		return nil, err
	}
	op := &pb.ApplyOp{Key: "rename:" + m.GetRequest(), Tag: name, Reason: "rename", Name: name, Wallet: multiplied(p.world.design.Goods.Rename, -1)}
	if name == p.profile.GetName() {
		_, err := p.again(ctx, op.GetKey(), op.GetTag(), fault.New(fault.FailedPrecondition, "that is the player's name already"))
		return &pb.RenameReply{Profile: p.copyProfile()}, err
	}
	r, err := p.apply(ctx, op)
	if err != nil {
		return nil, err
	}
	if !r.GetRepeated() { // or he may have another one by now, which the profile has
		p.profile.Name = name
	}
	return &pb.RenameReply{Profile: p.copyProfile()}, nil
}
