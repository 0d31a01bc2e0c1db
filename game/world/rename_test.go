package world_test

import (
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

func rename(t *testing.T, m *market) {
	m.open(t, nil)
	s, other := m.connect(4), m.connect(5)
	s.enter()
	old := other.enter().GetProfile().GetName()
	for range 2 {
		p := ask[*pb.RenameReply](s, &pb.Rename{Request: "a", Name: "Zoe\u0301"}).GetProfile()
		if p.GetName() != "Zoé" || has(p, "gold") != 60 {
			t.Errorf("he is %v", p)
		}
	}
	refused[*pb.RenameReply](other, "a name that is taken", &pb.Rename{Request: "a", Name: "Zoé"}, fault.AlreadyExists)
	refused[*pb.RenameReply](other, "a name that looks like it", &pb.Rename{Request: "a", Name: "Zo\u200bé"}, fault.Invalid)
	refused[*pb.RenameReply](other, "no request", &pb.Rename{Name: "Bob"}, fault.Invalid)
	refused[*pb.RenameReply](s, "another name with the same request", &pb.Rename{Request: "a", Name: "Bob"}, fault.AlreadyExists)
	refused[*pb.RenameReply](s, "the name he has", &pb.Rename{Request: "b", Name: "Zoé"}, fault.FailedPrecondition)
	ask[*pb.RenameReply](s, &pb.Rename{Request: "b", Name: "Bob"})
	if p := ask[*pb.RenameReply](s, &pb.Rename{Request: "a", Name: "Zoé"}).GetProfile(); p.GetName() != "Bob" || has(p, "gold") != 20 {
		t.Errorf("asked for the first name again, he is %v", p)
	}
	refused[*pb.RenameReply](s, "more than he can pay", &pb.Rename{Request: "c", Name: "Carol"}, fault.FailedPrecondition)
	if p := ask[*pb.RenameReply](other, &pb.Rename{Request: "a", Name: "Zoé"}).GetProfile(); p.GetName() != "Zoé" || has(p, "gold") != 60 {
		t.Errorf("with a name that is free again: %v", p)
	}
	m.give(4, &pb.ApplyOp{Key: "rich", Wallet: map[string]int64{"gold": 80}})
	lost := &pb.ApplyOp{Player: 4, Key: "rename:d", Tag: "Dan", Reason: "rename", Name: "Dan"} // the answer was
	if _, err := api.ApplyOp.Call(t.Context(), m.gate.node.RPC(), lost, rpc.Any); err != nil {
		t.Fatal(err)
	}
	refused[*pb.RenameReply](s, "the name that he has without knowing it, with another request", &pb.Rename{Request: "e", Name: "Dan"}, fault.FailedPrecondition)
	if p := ask[*pb.RenameReply](s, &pb.Rename{Request: "d", Name: "Dan"}).GetProfile(); p.GetName() != "Dan" || has(p, "gold") != 100 {
		t.Errorf("asked for that again, he is %v", p)
	}
	if p := ask[*pb.GetProfileReply](other, &pb.GetProfile{}).GetProfile(); p.GetName() != "Zoé" || p.GetName() == old {
		t.Errorf("the other is %v", p)
	}
}
