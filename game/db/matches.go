package db

import (
	"context"
	"time"

	"loumiao/game/pb"
	"loumiao/game/store/player"
)

func (d *DB) recordMatch(ctx context.Context, m *pb.RecordMatch) (*pb.RecordMatchReply, error) {
	match := player.Match{
		ID: player.MatchID(m.GetMatch()), Mode: m.GetMode(), Area: uint16(m.GetArea()), Seed: m.GetSeed(),
		Started: time.UnixMilli(m.GetStartedMs()), Ended: time.UnixMilli(m.GetEndedMs()),
	}
	if r, ok := d.tables().Reward(m.GetMode()); ok { // a mode that is gone since is settled as the arena is
		match.Settle = player.Reward{Gold: r.Gold, GoldPerBehind: r.GoldPerBehind, Exp: r.Exp, ExpPerKill: r.ExpPerKill}.Settle
	}
	for _, s := range m.GetStandings() {
		match.Standings = append(match.Standings, player.Standing{
			Player: player.ID(s.GetPlayer()), Place: s.GetPlace(), Score: s.GetScore(), Kills: s.GetKills(), Deaths: s.GetDeaths(), Team: s.GetTeam(),
			Left: s.GetLeft(), Filled: s.GetFilled(),
		})
	}
	stored, err := d.players.RecordMatch(ctx, match)
	if err != nil {
		return nil, err
	}
	reply := &pb.RecordMatchReply{}
	players := make([]player.ID, len(stored.Rows))
	for i, row := range stored.Rows {
		players[i] = row.Player
		reply.Results = append(reply.Results, &pb.PlayerResult{Player: int64(row.Player), Result: matchResult(row)})
	}
	d.report(players...)
	return reply, nil
}

func (d *DB) listMatches(ctx context.Context, m *pb.ListMatches) (*pb.GetMatchesReply, error) {
	rows, err := d.players.Matches(ctx, player.ID(m.GetPlayer()), int(m.GetLimit()))
	if err != nil {
		return nil, err
	}
	reply := &pb.GetMatchesReply{}
	for _, row := range rows {
		reply.Matches = append(reply.Matches, matchResult(row))
	}
	return reply, nil
}

func matchResult(r player.MatchRow) *pb.MatchResult {
	return &pb.MatchResult{
		Match: int64(r.Match), Mode: r.Mode, EndedMs: r.Ended.UnixMilli(), Place: r.Place, Players: r.Players,
		Score: r.Score, Kills: r.Kills, Deaths: r.Deaths, RatingBefore: r.RatingBefore, RatingAfter: r.RatingAfter,
		Reward: r.Reward, Exp: r.Exp,
	}
}
