package db

import (
	"context"

	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/player"
)

func (d *DB) serveGoods() {
	rpc.HandleFunc(d.node, api.ApplyOp, d.applyOp)
	rpc.HandleFunc(d.node, api.FindOp, d.findOp)
	rpc.HandleFunc(d.node, api.ListCounters, d.listCounters)
}

func (d *DB) applyOp(ctx context.Context, m *pb.ApplyOp) (*pb.ApplyReply, error) {
	op := player.Op{
		Key: m.GetKey(), Player: player.ID(m.GetPlayer()), Epoch: m.GetEpoch(), Reason: m.GetReason(),
		Exp: m.GetExp(), Rating: m.GetRating(), Name: m.GetName(), Tag: m.GetTag(), Spill: m.GetSpill(), Owed: m.GetOwed(),
	}
	for currency, amount := range m.GetWallet() {
		op.Wallet = append(op.Wallet, player.Change{Currency: currency, Amount: amount})
	}
	for item, count := range m.GetItems() {
		op.Items = append(op.Items, player.ItemChange{Item: item, Count: count})
	}
	for _, c := range m.GetCounts() {
		op.Counts = append(op.Counts, player.Count{Name: c.GetName(), Period: c.GetPeriod(), Add: c.GetAdd(), Most: c.GetMost()})
	}
	r, err := d.players.Apply(ctx, op)
	if err != nil {
		return nil, err
	}
	if r.Mail != 0 && !r.Repeated {
		d.tellMailed(ctx, m.GetPlayer(), r.Mail)
	}
	if op.Exp != 0 || op.Rating != 0 || op.Name != "" {
		d.report(op.Player)
	}
	return applied(r), nil
}

func (d *DB) findOp(ctx context.Context, m *pb.FindOp) (*pb.FindOpReply, error) {
	r, ok, err := d.players.Applied(ctx, player.ID(m.GetPlayer()), m.GetKey(), m.GetTag())
	if err != nil || !ok {
		return &pb.FindOpReply{}, err
	}
	return &pb.FindOpReply{Result: applied(r)}, nil
}

func (d *DB) listCounters(ctx context.Context, m *pb.ListCounters) (*pb.ListCountersReply, error) {
	have, err := d.players.Counters(ctx, player.ID(m.GetPlayer()), m.GetNames())
	if err != nil {
		return nil, err
	}
	reply := &pb.ListCountersReply{Counters: make(map[string]*pb.Counter, len(have))}
	for name, c := range have {
		reply.Counters[name] = &pb.Counter{Period: c.Period, Count: c.Count}
	}
	return reply, nil
}

func applied(r player.Result) *pb.ApplyReply {
	return &pb.ApplyReply{
		Repeated: r.Repeated, Wallet: r.Wallet, Items: r.Items, Level: r.Level, Exp: r.Exp, Rating: r.Rating, Counts: r.Counts, Mail: int64(r.Mail),
	}
}
