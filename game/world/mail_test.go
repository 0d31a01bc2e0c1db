package world_test

import (
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/db"
	"loumiao/game/pb"
	"loumiao/migrations"
)

// storedPlace is a place with a real db.
func storedPlace(t *testing.T) *place {
	t.Helper()
	stores := storetest.Embedded(t)
	storetest.Migrated(t, stores, "player", migrations.FS("player"))
	return placeOn(t, stores, &door{}, db.New())
}

// TestMail has a player get, read, claim and delete mails.
func TestMail(t *testing.T) {
	t.Parallel()
	p := storedPlace(t)
	p.world(nil)
	s := p.connect(1)
	gold := s.enter().GetProfile().GetWallet()["gold"]
	welcome := ask[*pb.GetMailsReply](s, &pb.GetMails{}).GetMails()
	if len(welcome) != 1 || welcome[0].GetSubject() != "Welcome aboard" {
		t.Fatalf("a new player has the mails %v", welcome)
	}
	ask[*pb.DeleteMailReply](s, &pb.DeleteMail{Mail: welcome[0].GetId(), WithGoods: true})
	send := func(key string, amount int64) int64 {
		t.Helper()
		m := &pb.SendMail{Player: 1, Key: key, Sender: "system", Subject: key, Body: "Body", Wallet: map[string]int64{"gold": amount}, Items: map[string]int64{"map": 1}}
		if amount == 0 {
			m.Wallet, m.Items = nil, nil
		}
		sent, err := api.SendMail.Call(t.Context(), p.gate.node.RPC(), m, rpc.Any)
		if err != nil {
			t.Fatal(err)
		}
		if pushed := next[*pb.MailArrived](s).GetMail(); pushed.GetId() != sent.GetMail() || pushed.GetSubject() != key || pushed.GetBody() != "" {
			t.Errorf("the client is told %v", pushed)
		}
		return sent.GetMail()
	}
	first, second := send("first", 5), send("second", 6)
	third, empty := send("third", 7), send("empty", 0)

	list := ask[*pb.GetMailsReply](s, &pb.GetMails{Limit: 2})
	if len(list.GetMails()) != 2 || list.GetMails()[0].GetId() != empty || list.GetMails()[1].GetId() != third || list.GetUnread() != 4 {
		t.Errorf("the list is %v", list)
	}
	list = ask[*pb.GetMailsReply](s, &pb.GetMails{Before: third})
	if len(list.GetMails()) != 2 || list.GetMails()[0].GetId() != second || list.GetMails()[1].GetId() != first {
		t.Errorf("the rest is %v", list)
	}
	if m := ask[*pb.ReadMailReply](s, &pb.ReadMail{Mail: first}).GetMail(); m.GetBody() != "Body" || !m.GetRead() {
		t.Errorf("the mail is %v", m)
	}
	if _, err := try[*pb.DeleteMailReply](s, &pb.DeleteMail{Mail: first}); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("deleted with goods in it: %v", err)
	}
	for range 2 {
		r := ask[*pb.ClaimMailReply](s, &pb.ClaimMail{Mail: first})
		if r.GetProfile().GetWallet()["gold"] != gold+5 || len(r.GetProfile().GetItems()) != 1 || !r.GetMail().GetClaimed() {
			t.Errorf("claimed: %v", r)
		}
	}
	ask[*pb.DeleteMailReply](s, &pb.DeleteMail{Mail: first})
	ask[*pb.DeleteMailReply](s, &pb.DeleteMail{Mail: second, WithGoods: true})
	all := ask[*pb.ClaimMailsReply](s, &pb.ClaimMails{})
	if len(all.GetClaimed()) != 1 || all.GetClaimed()[0] != third || all.GetProfile().GetWallet()["gold"] != gold+12 {
		t.Errorf("claimed all: %v", all)
	}
	for what, m := range map[string]*pb.ClaimMail{"what is deleted": {Mail: second}, "nobody's": {}} {
		if _, err := try[*pb.ClaimMailReply](s, m); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("claiming %s: %v", what, err)
		}
	}
	if _, err := try[*pb.GetMailsReply](s, &pb.GetMails{Limit: 201}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("201 mails at once: %v", err)
	}
	if profile := ask[*pb.GetProfileReply](s, &pb.GetProfile{}).GetProfile(); profile.GetWallet()["gold"] != gold+12 || profile.GetItems()[0].GetCount() != 2 {
		t.Errorf("the profile is %v", profile)
	}
	// Who is not there is sent mail all the same, if he was ever.
	for player, want := range map[int64]fault.Code{1: fault.OK, 2: fault.NotFound} {
		_, err := api.SendMail.Call(t.Context(), p.gate.node.RPC(), &pb.SendMail{Player: player, Key: "away", Sender: "system", Subject: "Hello"}, rpc.Any)
		if fault.CodeOf(err) != want {
			t.Errorf("sending to player %d: %v", player, err)
		}
	}
}
