package db

import (
	"context"
	"time"

	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/player"
)

const (
	reportTimeout = time.Second
	reportsAhead  = 4096 // players whose change public is still to be told of
	reportPage    = 256  // players that it is told of at once
)

func (d *DB) listStandings(ctx context.Context, m *pb.ListStandings) (*pb.PlayerStandings, error) {
	standings, err := d.players.Standings(ctx, player.ID(m.GetAfter()), int(m.GetLimit()))
	if err != nil {
		return nil, err
	}
	return standingsOf(standings), nil
}

// report has public told where players stand now that they have changed. It does not wait: what is not told is found when public lists all players.
func (d *DB) report(players ...player.ID) {
	for _, p := range players {
		select {
		case d.reports <- p:
		default:
			return
		}
	}
}

// reportAll tells public, until ctx ends.
func (d *DB) reportAll(ctx context.Context) {
	for {
		var players []player.ID
		select {
		case <-ctx.Done():
			return
		case p := <-d.reports:
			players = append(players, p)
		}
		for len(players) < reportPage && len(d.reports) > 0 {
			players = append(players, <-d.reports)
		}
		if err := d.tellStandings(ctx, players); err != nil && ctx.Err() == nil {
			d.node.Log().Debug("public not told of new standings", "players", len(players), "err", err)
		}
	}
}

func (d *DB) tellStandings(ctx context.Context, players []player.ID) error {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	standings, err := d.players.StandingsOf(ctx, players)
	if err != nil || len(standings) == 0 {
		return err
	}
	return api.ReportStandings.Send(ctx, d.node.RPC(), standingsOf(standings), rpc.Any)
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
