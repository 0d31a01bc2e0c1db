package db

import (
	"context"
	"time"

	"loumiao/game/pb"
	"loumiao/game/store/player"
)

func (d *DB) loadPlayer(ctx context.Context, m *pb.LoadPlayer) (*pb.PlayerRecord, error) {
	var p *player.Player
	var err error
	players := d.players.Reading(m.GetSchema())
	if who := player.ID(m.GetPlayer()); m.GetEpoch() == 0 {
		p, err = players.Enter(ctx, who, m.GetAccount(), uint16(m.GetArea()), m.GetWay())
	} else {
		p, err = players.LoadFrom(ctx, who, m.GetAccount(), uint16(m.GetArea()), m.GetEpoch())
	}
	if err != nil {
		return nil, err
	}
	return &pb.PlayerRecord{Profile: profile(p), Account: p.Account, Epoch: p.Epoch, State: p.State, Schema: p.Schema}, nil
}

func (d *DB) savePlayer(ctx context.Context, m *pb.SavePlayer) (*pb.Done, error) {
	save := player.Save{State: m.GetState(), Schema: m.GetSchema(), Leaves: m.GetLeaves()}
	for _, a := range m.GetArrivals() {
		save.Arrivals = append(save.Arrivals, player.Arrival{ID: a.GetId(), At: time.UnixMilli(a.GetAtMs()), Way: a.GetWay()})
	}
	return &pb.Done{}, d.players.Save(ctx, player.ID(m.GetPlayer()), m.GetEpoch(), save)
}

func (d *DB) readProfile(ctx context.Context, m *pb.ReadProfile) (*pb.Profile, error) {
	p, err := d.players.Read(ctx, player.ID(m.GetPlayer()))
	if err != nil {
		return nil, err
	}
	return profile(p), nil
}

func (d *DB) listLedger(ctx context.Context, m *pb.ListLedger) (*pb.GetLedgerReply, error) {
	rows, err := d.players.Ledger(ctx, player.ID(m.GetPlayer()), int(m.GetLimit()), m.GetBefore())
	if err != nil {
		return nil, err
	}
	reply := &pb.GetLedgerReply{}
	for _, r := range rows {
		reply.Entries = append(reply.Entries, &pb.LedgerEntry{
			Id: r.ID, Key: r.Key, Reason: r.Reason, Asset: r.Asset, Amount: r.Amount, CreatedMs: r.At.UnixMilli(),
		})
	}
	return reply, nil
}

func profile(p *player.Player) *pb.Profile {
	m := &pb.Profile{
		Player: int64(p.ID), Name: p.Name, Area: uint32(p.Area), Level: p.Level, Exp: p.Exp, Rating: p.Rating, Wallet: p.Wallet,
	}
	for _, i := range p.Items {
		m.Items = append(m.Items, &pb.Item{Item: i.Item, Count: i.Count})
	}
	return m
}
