package world_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/area"
	"loumiao/game/command"
	"loumiao/game/pb"
	"loumiao/game/public"
	"loumiao/migrations"
)

// TestPublic has players rank, speak to all and get a mail to all, with a real db and a real public.
func TestPublic(t *testing.T) {
	t.Parallel()
	p := storedPlace(t)
	storetest.Migrated(t, p.env.Stores, "public", migrations.FS("public"))
	w := p.world(nil)
	one, two := p.connect(1), p.connect(2)
	one.enter()
	two.enter()
	if _, err := try[*pb.GetRankingReply](one, &pb.GetRanking{}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("without public: %v", err)
	}
	days, err := area.NewCalendars(nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := public.Defaults()
	cfg.Ranking.SweepEvery = time.Hour // it is told of everything
	leader := p.run(api.Public, public.New(cfg, []uint16{1}, days))
	for _, l := range []*life{w, p.db} { // db tells it of the match, once
		p.eventually("a node knows public", func() bool {
			m, ok := l.Cluster().Snapshot().Node(leader.ID())
			return ok && m.State == leader.State()
		})
	}
	match := &pb.RecordMatch{Match: 5, Mode: "arena", Area: 1, EndedMs: time.Now().UnixMilli(), Standings: []*pb.Standing{{Player: 2, Place: 1}, {Player: 1, Place: 2}}}
	if _, err := api.RecordMatch.Call(t.Context(), p.gate.node.RPC(), match, rpc.Any); err != nil {
		t.Fatal(err)
	}
	p.eventually("the ranking equals the result", func() bool {
		r, err := try[*pb.GetRankingReply](one, &pb.GetRanking{})
		return err == nil && len(r.GetRanked()) == 2 && r.GetRanked()[0].GetPlayer() == 2 && r.GetRanked()[0].GetScore() == 1516 &&
			r.GetMe().GetPlace() == 2 && r.GetMe().GetScore() == 1484
	})
	if r := ask[*pb.GetSeasonsReply](one, &pb.GetSeasons{}); len(r.GetSeasons()) != 1 || r.GetSeasons()[0].GetNumber() != 1 {
		t.Errorf("seasons: %v", r)
	}
	if r := ask[*pb.GetSeasonReply](one, &pb.GetSeason{Number: 1}); len(r.GetRanked()) != 0 {
		t.Errorf("a season that is on has ended with %v", r)
	}

	line := ask[*pb.SayToAllReply](one, &pb.SayToAll{Text: "hi"}).GetLine()
	for _, s := range []*session{one, two} {
		if said := next[*pb.ChatSaid](s).GetLine(); said.GetNumber() != line.GetNumber() || said.GetText() != "hi" || said.GetPlayer() != 1 || said.GetName() == "" {
			t.Errorf("said %v", said)
		}
	}
	if r := ask[*pb.GetChatReply](two, &pb.GetChat{}); len(r.GetLines()) != 1 || r.GetLines()[0].GetText() != "hi" {
		t.Errorf("history: %v", r)
	}

	order := func(id, name string, args any) {
		t.Helper()
		text, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		r, err := command.NewQueue(p.env.Stores).Submit(t.Context(), command.Command{ID: id, Name: name, Args: text, Author: "ann", Reason: "because"})
		if err != nil || r.Err() != nil {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
	}
	news := command.BroadcastArgs{MaxLevel: 50, Letter: command.Letter{
		Sender: "system", Subject: "News", Wallet: map[string]int64{"gold": 5}, Expires: time.Now().Add(time.Hour).UnixMilli(),
	}}
	order("b1", command.Broadcast, news)
	order("b1", command.Broadcast, news)
	for _, s := range []*session{one, two} {
		if m := next[*pb.MailArrived](s).GetMail(); m.GetSubject() != "News" || m.GetWallet()["gold"] != 5 {
			t.Errorf("came %v", m)
		}
	}
	late := p.connect(3) // was not there when it was sent, but his id says that he was in the game
	late.enter()
	if m := next[*pb.MailArrived](late).GetMail(); m.GetSubject() != "News" {
		t.Errorf("came %v", m)
	}
	high := news
	high.MinLevel, high.Subject = 40, "For the great"
	order("b2", command.Broadcast, high)
	small := news
	small.Subject = "For all"
	order("b3", command.Broadcast, small)
	for _, s := range []*session{one, two, late} {
		if m := next[*pb.MailArrived](s).GetMail(); m.GetSubject() != "For all" {
			t.Errorf("came %v", m)
		}
		if r := ask[*pb.GetMailsReply](s, &pb.GetMails{}); len(r.GetMails()) != 3 { // with the welcome
			t.Errorf("the mails are %v", r)
		}
	}
	order("k1", command.Kick, command.KickArgs{Player: 2})
	select {
	case <-two.Done():
		if fault.CodeOf(two.Err()) != fault.Forbidden {
			t.Errorf("kicked: %v", two.Err())
		}
	case <-time.After(patience):
		t.Error("not kicked")
	}
	if said := ask[*pb.SayToAllReply](one, &pb.SayToAll{Text: "bye"}); said.GetLine().GetNumber() != line.GetNumber()+1 {
		t.Errorf("said %v", fmt.Sprint(said))
	}
}
