package account

import (
	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/game/pb"
	"loumiao/game/signin"
	"loumiao/game/store/account"
)

func (d *desk) listIdentities(ctx *actor.Context, _ *pb.ListIdentities) (*pb.IdentitiesReply, error) {
	acc, err := d.owner(ctx)
	if err != nil {
		return nil, err
	}
	return identities(d.binder.List(ctx, acc))
}

func (d *desk) bind(ctx *actor.Context, m *pb.BindIdentity) (*pb.IdentitiesReply, error) {
	acc, err := d.owner(ctx)
	if err != nil {
		return nil, err
	}
	return identities(d.binder.Bind(ctx, acc, m.GetKind(), signin.Proof{Name: m.GetName(), Secret: m.GetSecret()}))
}

func (d *desk) unbind(ctx *actor.Context, m *pb.UnbindIdentity) (*pb.IdentitiesReply, error) {
	acc, err := d.owner(ctx)
	if err != nil {
		return nil, err
	}
	return identities(d.binder.Unbind(ctx, acc, m.GetKind()))
}

// owner is the account of whoever asks.
func (d *desk) owner(ctx *actor.Context) (account.ID, error) {
	session, err := d.client(ctx)
	if err != nil {
		return 0, err
	}
	if session.Account <= 0 {
		return 0, fault.New(fault.Unauthenticated, "log in first")
	}
	return account.ID(session.Account), nil
}

func identities(list []account.Identity, err error) (*pb.IdentitiesReply, error) {
	if err != nil {
		return nil, err
	}
	reply := &pb.IdentitiesReply{}
	for _, i := range list {
		reply.Identities = append(reply.Identities, &pb.Identity{Kind: i.Kind, Display: i.Display, SinceMs: i.Since.UnixMilli()})
	}
	return reply, nil
}
