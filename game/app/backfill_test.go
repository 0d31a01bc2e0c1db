package app_test

import (
	"strings"
	"testing"

	"loumiao/framework/fault"
	"loumiao/game/pb"
)

// TestBackfill has one of two players leave their battle for good, and a third, who waits, get his seat, with a ship of his own and a reward. Who left is told that he came last.
func TestBackfill(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	eachStack(t, func(t *testing.T, s *stack) {
		text := strings.Replace(quick, "match_seconds: 1", "match_seconds: 12, backfill: {away: 100ms, least: 2s}", 1)
		s.config = configFile(t, strings.Replace(text, "arena: {players: 2,", "arena: {players: 2, backfill: true,", 1))
		s.up(t, "--debug") // so that nobody is taken for dead on a busy machine
		one, two, three := s.connect(t, "one", false), s.connect(t, "two", false), s.connect(t, "three", true)
		var found []*pb.MatchFound
		for _, p := range []*player{one, two, three} {
			p.enter()
		}
		for _, p := range []*player{one, two} {
			ask[*pb.StartMatchReply](p, &pb.StartMatch{Mode: "arena"})
		}
		var ship int32
		for _, p := range []*player{one, two} {
			found = append(found, await[*pb.MatchFound](p))
			ship = ask[*pb.JoinRoomReply](p, &pb.JoinRoom{Room: found[0].GetRoom()}).GetShip()
		}
		await[*pb.Snapshot](two)
		ask[*pb.StartMatchReply](three, &pb.StartMatch{Mode: "arena"})
		if err := two.Close(); err != nil {
			t.Fatal(err)
		}

		place := await[*pb.MatchFound](three)
		if place.GetMatch() != found[0].GetMatch() || place.GetRoom() != found[0].GetRoom() || !place.GetFill() || len(place.GetPlayers()) != 2 || place.GetPlayers()[ship] != three.id {
			t.Fatalf("he who waits is told of %v; the battle was %v", place, found[0])
		}
		joined := ask[*pb.JoinRoomReply](three, &pb.JoinRoom{Room: place.GetRoom()})
		if joined.GetShip() != ship || joined.GetPlayers()[ship] != three.id || joined.GetTick() == 0 {
			t.Errorf("he comes into %v", joined)
		}
		if told := await[*pb.RoomSeat](one); told.GetShip() != ship || told.GetPlayer() != three.id || told.GetRoom() != place.GetRoom() {
			t.Errorf("the other one is told %v", told)
		}
		if first := await[*pb.Snapshot](three); first.GetSince() != 0 {
			t.Errorf("the first snapshot builds on tick %d; want a keyframe", first.GetSince())
		}

		back := s.connect(t, "two", false)
		if m := back.enter().GetMatch(); m.GetMatch() != place.GetMatch() {
			t.Errorf("he who left is in the match %v; want %d, until that has ended", m, place.GetMatch())
		}
		if _, err := try[*pb.JoinRoomReply](back, &pb.JoinRoom{Room: place.GetRoom()}); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("he who left joins again: %v", err)
		}
		for p, want := range map[*player]struct {
			last, rewarded bool
		}{one: {false, true}, three: {false, true}, back: {true, false}} {
			r := await[*pb.MatchEnded](p).GetResult()
			if r.GetMatch() != place.GetMatch() || r.GetPlayers() != 3 || (r.GetPlace() == 3) != want.last || (len(r.GetReward()) > 0) != want.rewarded {
				t.Errorf("player %d is told of the result %v", p.id, r)
			}
			if change := r.GetRatingAfter() - r.GetRatingBefore(); p == three && change < 0 || want.last && change >= 0 {
				t.Errorf("player %d: the rating changes by %d", p.id, change)
			}
			if history := ask[*pb.GetMatchesReply](p, &pb.GetMatches{}).GetMatches(); len(history) != 1 || history[0].GetMatch() != place.GetMatch() {
				t.Errorf("player %d has the history %v", p.id, history)
			}
		}
		s.stop(t)
	})
}

// TestFramesHaveNoBackfill refuses a table of modes, and a configuration of match's own, that gives backfill to a mode which the zones' configuration has in frame mode.
func TestFramesHaveNoBackfill(t *testing.T) {
	requires(t, "zone", "match")
	t.Parallel()
	code, _, stderr := run(t, nil, "check", "--config", configFile(t, "zone: {frame_modes: [duel-frame, arena]}"))
	if code != 2 || !strings.Contains(stderr, `modes.csv:2: backfill: is yes; the mode "arena" cannot have it, because it is played in frame mode`) {
		t.Errorf("code %d: %s", code, stderr)
	}
	own := "match: {modes: {duel-frame: {players: 2, min_players: 2, backfill: true}, arena: {backfill: true}}}"
	code, _, stderr = run(t, nil, "check", "--config", configFile(t, own))
	if code != 2 || !strings.Contains(stderr, "match.modes.duel-frame.backfill: is true; the mode cannot have it") || strings.Contains(stderr, "arena") {
		t.Errorf("of a node's own file: code %d: %s", code, stderr)
	}
}
