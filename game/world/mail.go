package world

import (
	"loumiao/framework/actor"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// The most mails that a client may list at once, and how many it gets when it does not say.
const maxMails, someMails = 200, 50

func (w *World) serveMail(n *node.Node) {
	line.Handle(n, w.players, entered((*Player).getMails))
	line.Handle(n, w.players, entered((*Player).readMail))
	line.Handle(n, w.players, entered((*Player).claimMail))
	line.Handle(n, w.players, entered((*Player).claimMails))
	line.Handle(n, w.players, entered((*Player).deleteMail))
	rpc.Handle(n, w.players, api.PlayerMailed, (*Player).mailed)
}

func (p *Player) getMails(ctx *actor.Context, m *pb.GetMails) (*pb.GetMailsReply, error) {
	limit, err := rows(m.GetLimit(), someMails, maxMails)
	if err != nil {
		return nil, err
	}
	return api.ListMails.Call(ctx, p.world.rpc, &pb.ListMails{Player: int64(p.id), Limit: limit, Before: m.GetBefore()}, p.db())
}

func (p *Player) readMail(ctx *actor.Context, m *pb.ReadMail) (*pb.ReadMailReply, error) {
	return api.ReadMail.Call(ctx, p.world.rpc, p.mail(m.GetMail()), p.db())
}

// claimMail may be asked again, whatever became of the first time: db gives once.
func (p *Player) claimMail(ctx *actor.Context, m *pb.ClaimMail) (*pb.ClaimMailReply, error) {
	claimed, err := api.ClaimMail.Call(ctx, p.world.rpc, p.mail(m.GetMail()), p.db())
	if err != nil {
		return nil, err
	}
	if err := p.gained(ctx, claimed.GetResult()); err != nil {
		return nil, err
	}
	return &pb.ClaimMailReply{Mail: claimed.GetMail(), Profile: p.copyProfile()}, nil
}

func (p *Player) claimMails(ctx *actor.Context, _ *pb.ClaimMails) (*pb.ClaimMailsReply, error) {
	claimed, err := api.ClaimMails.Call(ctx, p.world.rpc, &pb.PlayerMails{Player: int64(p.id), Epoch: p.epoch}, p.db())
	if err != nil {
		return nil, err
	}
	if err := p.refresh(ctx); err != nil {
		return nil, err
	}
	return &pb.ClaimMailsReply{
		Claimed: claimed.GetClaimed(), Left: claimed.GetLeft(), More: claimed.GetMore(), Profile: p.copyProfile(),
	}, nil
}

func (p *Player) deleteMail(ctx *actor.Context, m *pb.DeleteMail) (*pb.DeleteMailReply, error) {
	which := p.mail(m.GetMail())
	which.WithGoods = m.GetWithGoods()
	_, err := api.DeleteMail.Call(ctx, p.world.rpc, which, p.db())
	return &pb.DeleteMailReply{}, err
}

// mailed is told by db that a mail has come.
func (p *Player) mailed(_ *actor.Context, m *pb.PlayerMailed) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	p.push(&pb.MailArrived{Mail: m.GetMail()})
	return &pb.Done{}, nil
}

func (p *Player) mail(id int64) *pb.PlayerMail {
	return &pb.PlayerMail{Player: int64(p.id), Epoch: p.epoch, Mail: id}
}

// db is where the player's tables are changed.
func (p *Player) db() rpc.Target { return rpc.ByKey(int64(p.id)) }
