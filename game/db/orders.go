package db

import (
	"context"

	"loumiao/game/pb"
	"loumiao/game/store/player"
)

func (d *DB) takeBack(ctx context.Context, m *pb.TakeBack) (*pb.TakeBackReply, error) {
	op := player.Op{Key: m.GetKey(), Player: player.ID(m.GetPlayer()), Reason: m.GetReason()}
	for currency, amount := range m.GetWallet() {
		op.Wallet = append(op.Wallet, player.Change{Currency: currency, Amount: -amount})
	}
	for item, count := range m.GetItems() {
		op.Items = append(op.Items, player.ItemChange{Item: item, Count: -count})
	}
	taken, err := d.players.TakeBack(ctx, op, m.GetGiven())
	if err != nil {
		return nil, err
	}
	return &pb.TakeBackReply{Repeated: taken.Repeated, Wallet: taken.Wallet, Items: taken.Items}, nil
}

func (d *DB) readOp(ctx context.Context, m *pb.ReadOp) (*pb.ReadOpReply, error) {
	changed, applied, err := d.players.Changed(ctx, player.ID(m.GetPlayer()), m.GetKey())
	if err != nil {
		return nil, err
	}
	return &pb.ReadOpReply{Applied: applied, Wallet: changed.Wallet, Items: changed.Items}, nil
}
