package world_test

import (
	"testing"

	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// TestChangedElsewhere shows a player at once what somebody else has given him, and nobody when he is not there.
func TestChangedElsewhere(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.world(nil)
	changed := func(player int64) error {
		_, err := api.PlayerChanged.Call(t.Context(), p.gate.node.RPC(), &pb.PlayerChanged{Player: player})
		return err
	}
	if err := changed(1); err == nil {
		t.Error("a player who is nowhere was told")
	}
	s := p.connect(1)
	s.enter()
	p.peers.locked(func() { p.peers.players[1].Profile.Wallet = map[string]int64{"gold": 7} })
	if err := changed(1); err != nil {
		t.Fatal(err)
	}
	if m := next[*pb.ProfileChanged](s); m.GetProfile().GetWallet()["gold"] != 7 {
		t.Errorf("the client is told %v", m)
	}
	if m := ask[*pb.GetProfileReply](s, &pb.GetProfile{}); m.GetProfile().GetWallet()["gold"] != 7 {
		t.Errorf("the profile is %v", m)
	}
	p.peers.locked(func() { p.peers.reading = fault.New(fault.Unavailable, "not now") })
	if err := changed(1); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("without db: %v", err)
	}
}
