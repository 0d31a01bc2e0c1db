package db_test

import (
	"fmt"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// TestMails sends, lists, reads, claims and deletes by whichever node.
func TestMails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		epoch := c.load(7).GetEpoch()
		r := c.node.RPC()
		send := &pb.SendMail{
			Player: 7, Key: "season:1", Sender: "system", Subject: "Season", Body: "Well done", Wallet: map[string]int64{"gold": 5},
			Items: map[string]int64{"map": 1}, ExpiresMs: 4_000_000_000_000,
		}
		first, err := api.SendMail.Call(t.Context(), r, send, rpc.Any)
		if err != nil || first.GetRepeated() || first.GetMail() == 0 {
			t.Fatalf("%v, %v", first, err)
		}
		if again, err := api.SendMail.Call(t.Context(), r, send, rpc.Any); err != nil || !again.GetRepeated() || again.GetMail() != first.GetMail() {
			t.Errorf("sent again: %v, %v", again, err)
		}
		list, err := api.ListMails.Call(t.Context(), r, &pb.ListMails{Player: 7}, rpc.Any)
		if err != nil || len(list.GetMails()) != 2 || list.GetUnread() != 2 {
			t.Fatalf("the list is %v, %v", list, err)
		}
		if w := list.GetMails()[1]; w.GetSubject() != "Welcome aboard" || w.GetWallet()["gold"] != 5 || w.GetClaimed() {
			t.Errorf("a new player is welcomed with %v", w)
		}
		m := list.GetMails()[0]
		if m.GetId() != first.GetMail() || m.GetBody() != "" || m.GetWallet()["gold"] != 5 || m.GetItems()["map"] != 1 || m.GetRead() || m.GetClaimed() ||
			m.GetExpiresMs() != send.GetExpiresMs() || m.GetSubject() != "Season" || m.GetSender() != "system" || m.GetCreatedMs() == 0 {
			t.Errorf("the mail is %v", m)
		}
		which := &pb.PlayerMail{Player: 7, Epoch: epoch, Mail: first.GetMail()}
		if read, err := api.ReadMail.Call(t.Context(), r, which, rpc.Any); err != nil || read.GetMail().GetBody() != "Well done" || !read.GetMail().GetRead() {
			t.Errorf("reading: %v, %v", read, err)
		}
		for i, repeated := range []bool{false, true} {
			claimed, err := api.ClaimMail.Call(t.Context(), r, which, rpc.Any)
			if err != nil || claimed.GetResult().GetRepeated() != repeated || claimed.GetResult().GetWallet()["gold"] != 105 || !claimed.GetMail().GetClaimed() {
				t.Errorf("claiming, time %d: %v, %v", i+1, claimed, err)
			}
		}
		if _, err := api.DeleteMail.Call(t.Context(), r, which, rpc.Any); err != nil {
			t.Error(err)
		}
		old := &pb.PlayerMail{Player: 7, Epoch: epoch + 1, Mail: first.GetMail()}
		_, err = api.ClaimMail.Call(t.Context(), r, old, rpc.Any)
		c.wantCode("another epoch", err, fault.Fenced)
		if p := c.profile(7); p.GetWallet()["gold"] != 105 {
			t.Errorf("afterwards: %v", p)
		}
	})
}

// TestClaimMails claims what can be claimed, and leaves what cannot.
func TestClaimMails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		epoch := c.load(7).GetEpoch()
		r := c.node.RPC()
		var tooMuch int64
		for n := range 53 {
			m := &pb.SendMail{Player: 7, Key: fmt.Sprint(n), Sender: "system", Subject: "Gold", Wallet: map[string]int64{"gold": 1}}
			switch n {
			case 0:
				m.Wallet["gold"] = 1<<53 - 1
			case 1:
				m.Wallet = nil
			}
			sent, err := api.SendMail.Call(t.Context(), r, m, target(7))
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				tooMuch = sent.GetMail()
			}
		}
		_, err := api.ClaimMails.Call(t.Context(), r, &pb.PlayerMails{Player: 7, Epoch: epoch + 1}, target(7))
		c.wantCode("another epoch", err, fault.Fenced)
		for i, want := range []int{50, 2, 0} {
			claimed, err := api.ClaimMails.Call(t.Context(), r, &pb.PlayerMails{Player: 7, Epoch: epoch}, target(7))
			if err != nil || len(claimed.GetClaimed()) != want || claimed.GetMore() != (i == 0) || len(claimed.GetLeft()) != 1 || claimed.GetLeft()[0] != tooMuch {
				t.Errorf("time %d: %v, %v", i+1, claimed, err)
			}
		}
		for n := range 12 {
			m := &pb.SendMail{Player: 7, Key: fmt.Sprint("much:", n), Sender: "system", Subject: "Gold", Wallet: map[string]int64{"gold": 1<<53 - 1}}
			if _, err := api.SendMail.Call(t.Context(), r, m, target(7)); err != nil {
				t.Fatal(err)
			}
		}
		claimed, err := api.ClaimMails.Call(t.Context(), r, &pb.PlayerMails{Player: 7, Epoch: epoch}, target(7))
		if err != nil || len(claimed.GetLeft()) != 10 || claimed.GetMore() {
			t.Errorf("in vain: %v, %v", claimed, err)
		}
		if p := c.profile(7); p.GetWallet()["gold"] != 156 {
			t.Errorf("afterwards: %v", p)
		}
	})
}
