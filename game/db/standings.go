package db

import (
	"context"
	"time"

	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/player"
)

// reportTimeout bounds what a change may be held up by telling public of it.
const reportTimeout = time.Second

func (d *DB) listStandings(ctx context.Context, m *pb.ListStandings) (*pb.PlayerStandings, error) {
	standings, err := d.players.Standings(ctx, player.ID(m.GetAfter()), int(m.GetLimit()))
	if err != nil {
		return nil, err
	}
	return standingsOf(standings), nil
}

// report tells public where players stand now that they have changed. What is lost is found when public lists them all.
func (d *DB) report(ctx context.Context, players ...player.ID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTimeout)
	defer cancel()
	standings, err := d.players.StandingsOf(ctx, players)
	if err == nil && len(standings) > 0 {
		err = api.ReportStandings.Send(ctx, d.node.RPC(), standingsOf(standings), rpc.Any)
	}
	if err != nil {
		d.node.Log().Debug("public not told of new standings", "players", len(players), "err", err)
	}
}

func standingsOf(standings []player.PlayerStanding) *pb.PlayerStandings {
	m := &pb.PlayerStandings{}
	for _, s := range standings {
		m.Standings = append(m.Standings, &pb.PlayerStanding{
			Player: int64(s.ID), Area: uint32(s.Area), Name: s.Name, Level: s.Level, Rating: s.Rating, Version: s.Version, MatchedMs: s.Matched,
		})
	}
	return m
}
