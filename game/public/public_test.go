package public

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/framework/node"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
	"loumiao/game/store/public"
)

// TestRanking has players ranked by what public is told and by what it finds, with ties, and again after Redis has lost everything.
func TestRanking(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := start(t, stores)
		for p := int64(1); p <= 9; p++ {
			s.peers.set(p, 1500, 1000-10*p) // the later ones reached it earlier
		}
		s.lead(settings())
		s.peers.set(5, 1600, 5000)
		s.peers.set(6, 1600, 4000)
		want := "1:p6:1600 2:p5:1600 3:p9:1500 4:p8:1500"
		read := func() string {
			r, err := try(s, api.ReadRanking.Call, &pb.ReadRanking{Area: 1, Player: 3, Limit: 4})
			if err != nil {
				t.Fatal(err)
			}
			if r.GetTotal() != 9 {
				return ""
			}
			return printed(r.GetRanked())
		}
		s.eventually("the ranking is "+want, func() bool { return read() == want })
		r, err := try(s, api.ReadRanking.Call, &pb.ReadRanking{Area: 1, Board: "rating", Player: 3, Limit: 3, Around: true})
		if err != nil || printed(r.GetRanked()) != "6:p4:1500 7:p3:1500 8:p2:1500" || r.GetMe().GetPlace() != 7 {
			t.Errorf("around me: %v, %v", r, err)
		}
		if r, err := try(s, api.ReadRanking.Call, &pb.ReadRanking{Area: 2, Player: 3}); err != nil || r.GetTotal() != 0 || r.GetMe().GetPlace() != 0 {
			t.Errorf("in another area: %v, %v", r, err)
		}
		for name, bad := range map[string]*pb.ReadRanking{"board": {Board: "x"}, "limit": {Limit: 101}, "from": {From: -1}} {
			if _, err := try(s, api.ReadRanking.Call, bad); fault.CodeOf(err) != fault.Invalid && fault.CodeOf(err) != fault.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		// What public is told comes at once, and what is old does nothing.
		told := &pb.PlayerStandings{Standings: []*pb.PlayerStanding{
			{Player: 1, Area: 1, Name: "p1", Level: 1, Rating: 1700, Version: 9, MatchedMs: 9000}, {Player: 6, Area: 1, Name: "p6", Rating: 1, Version: 1},
		}}
		if _, err := try(s, api.ReportStandings.Call, told); err != nil {
			t.Fatal(err)
		}
		want = "1:p1:1700 2:p6:1600 3:p5:1600 4:p9:1500"
		if got := read(); got != want {
			t.Errorf("told: %s", got)
		}
		forget(t, stores)
		s.eventually("the ranking is there again", func() bool { return read() == want })
	})
}

func migrated(t *testing.T, stores *store.Stores) *gorm.DB {
	t.Helper()
	db, err := stores.SQL("public")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// forget loses what Redis has of rankings.
func forget(t *testing.T, stores *store.Stores) {
	t.Helper()
	b := &board{stores}
	keys := []string{b.made()}
	for _, on := range public.Boards() {
		order, players := b.keys(on, 1)
		keys = append(keys, order, players)
	}
	for _, k := range keys {
		if err := stores.Redis().Del(t.Context(), k).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSeasonAcrossFailovers ends a season whose leader goes in the middle of giving everybody his. The next one goes on, and everybody has got everything once.
func TestSeasonAcrossFailovers(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.Embedded(t))
	const players = 60
	first := s.lead(settings())
	now := time.Now().UnixMilli()
	for p := int64(1); p <= players; p++ {
		s.peers.set(p, 2000+int32(p), now+p)
	}
	s.peers.look(func() { s.peers.players[7].full = true })
	s.eventually("all are ranked", func() bool {
		r, err := try(s, api.ReadRanking.Call, &pb.ReadRanking{Area: 1})
		return err == nil && r.GetTotal() == players
	})
	first.Stop()
	reached, goOn := make(chan struct{}), make(chan struct{})
	s.peers.look(func() {
		s.peers.hold = func(n int) {
			if n == players/2 {
				close(reached)
			}
			if n >= players/2 {
				<-goOn
			}
		}
	})
	cfg := settings()
	cfg.Seasons.Cron = "* * * * * *" // the season that follows has no players in it
	second := s.lead(cfg)
	<-reached
	second.Stop() // nobody hears what the calls that are held have done
	close(goOn)
	s.peers.look(func() { s.peers.hold = nil })
	cfg.Seasons.Cron = "0 0 1 1 *"
	s.lead(cfg, retrySeasons())
	s.peers.look(func() { s.peers.players[7].full = false })
	s.eventually("everybody has got his", func() bool {
		complete := true
		s.peers.look(func() {
			for _, one := range s.peers.players {
				complete = complete && len(one.mails) > 0 && len(one.ops) > 0
			}
		})
		return complete
	})
	s.peers.look(func() {
		for p, one := range s.peers.players {
			rating := 2000 + int32(p)
			if want := rating + (1500-rating)*50/100; one.standing.GetRating() != want || len(one.ops) != 1 || len(one.mails) != 1 {
				t.Errorf("player %d: rating %d, want %d; %v, %v", p, one.standing.GetRating(), want, one.ops, one.mails)
			}
			gold := int64(10)
			if p == players {
				gold = 100
			}
			if one.mails["season:1:1"]["gold"] != gold {
				t.Errorf("player %d: %v", p, one.mails)
			}
		}
		if s.peers.given != 2*players {
			t.Errorf("%d had an effect; want %d", s.peers.given, 2*players)
		}
	})
	r, err := try(s, api.ReadSeason.Call, &pb.ReadSeason{Area: 1, Number: 1, Limit: 2})
	if err != nil || printed(r.GetRanked()) != "1:p60:2060 2:p59:2059" {
		t.Errorf("the season has ended with %v, %v", r, err)
	}
	list, err := try(s, api.ListSeasons.Call, &pb.ListSeasons{Area: 1, Player: 59, Limit: 20})
	if n := len(list.GetSeasons()); err != nil || n < 2 || list.GetSeasons()[n-1].GetMe().GetPlace() != 2 || list.GetSeasons()[0].GetEndedMs() != 0 {
		t.Errorf("seasons: %v, %v", list, err)
	}
}

// TestSeasonOfWhoHasNoRoom has a player's mailbox be full for longer than a season's mail is kept: that keeps nobody from what the next season gives, nor the season from its end.
func TestSeasonOfWhoHasNoRoom(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.Embedded(t))
	var ahead atomic.Int64
	svc := New(settings(), []uint16{1, 2}, calendars(t))
	svc.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s.Begin(node.Config{Type: api.Public}, svc).Ready()
	pass := func(d time.Duration) time.Time {
		ahead.Add(int64(d))
		return svc.now()
	}
	ranked := func(player, rating int64) {
		s.peers.set(player, int32(rating), svc.now().UnixMilli())
		s.eventually("the player is ranked", func() bool {
			r, err := try(s, api.ReadRanking.Call, &pb.ReadRanking{Area: 1, Player: player})
			return err == nil && r.GetMe().GetScore() == rating
		})
	}
	for season := 1; season <= 2; season++ {
		ranked(1, int64(2000+season))
		ranked(2, int64(1900+season))
		s.peers.look(func() { s.peers.players[2].full = true })
		if err := svc.endSeason(t.Context(), 1, pass(time.Hour)); err == nil {
			t.Errorf("season %d: everybody has got his, also who has no room for it", season)
		}
		s.peers.look(func() {
			if mails := s.peers.players[1].mails; len(mails) != season {
				t.Errorf("after season %d, who has room for his mails has got %v", season, mails)
			}
		})
	}
	pass(seasonMailFor)
	if err := svc.settleSeason(t.Context(), 1, time.Time{}); err != nil {
		t.Errorf("when the mails would have expired: %v", err)
	}
	s.peers.look(func() {
		if mails := s.peers.players[2].mails; len(mails) != 0 {
			t.Errorf("who has no room has got %v", mails)
		}
	})
}

// retrySeasons settles what is left every second in place of every ten minutes.
func retrySeasons() Option {
	return func(s *Service) {
		for i := range s.jobs {
			if s.jobs[i].Name == "season-settlement" {
				s.jobs[i].Cron = "* * * * * *"
			}
		}
	}
}

// TestChat has lines numbered on through a change of the leader, told to worlds, and refused for all the reasons there are.
func TestChat(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.Embedded(t))
	cfg := settings()
	cfg.Chat.Burst, cfg.Chat.Every, cfg.Chat.MaxLength = 3, time.Hour, 10
	first := s.lead(cfg)
	say := func(player int64, text string) (*pb.ChatLine, error) {
		r, err := try(s, api.Say.Call, &pb.Say{Area: 1, Player: player, Name: fmt.Sprint("p", player), Text: text})
		return r.GetLine(), err
	}
	for n := int64(1); n <= 3; n++ {
		if line, err := say(7, " hëllo "); err != nil || line.GetNumber() != n || line.GetText() != "hëllo" {
			t.Fatalf("line %d: %v, %v", n, line, err)
		}
	}
	if _, err := say(7, "more"); fault.CodeOf(err) != fault.RateLimited {
		t.Errorf("too fast: %v", err)
	}
	for _, bad := range []string{"", "  ", "12345678901", "a\nb", "\x00"} {
		if _, err := say(8, bad); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := try(s, api.Say.Call, &pb.Say{Area: 9, Player: 8, Text: "x"}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("in an area that is not there: %v", err)
	}
	submit(t, s, command.Mute, command.MuteArgs{Player: 9, Seconds: 3600})
	if _, err := say(9, "x"); fault.CodeOf(err) != fault.Forbidden || !strings.Contains(err.Error(), "because") {
		t.Errorf("muted: %v", err)
	}
	s.eventually("worlds are told all lines", func() (all bool) {
		s.peers.look(func() { all = len(s.peers.lines) == 3 })
		return all
	})
	first.Stop()
	s.lead(cfg)
	if _, err := say(9, "x"); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("muted under another leader: %v", err)
	}
	submit(t, s, command.Mute, command.MuteArgs{Player: 9})
	if line, err := say(9, "free"); err != nil || line.GetNumber() != 4 {
		t.Errorf("under another leader: %v, %v", line, err)
	}
	r, err := try(s, api.ListChat.Call, &pb.ListChat{Area: 1, After: 2})
	if err != nil || len(r.GetLines()) != 2 || r.GetLines()[1].GetName() != "p9" {
		t.Errorf("history: %v, %v", r, err)
	}
}

// submit has a command done that must be.
func submit(t *testing.T, s *stack, name string, args any) command.Result {
	t.Helper()
	r := order(t, s, fmt.Sprintf("c%d", time.Now().UnixNano()), name, args)
	if err := r.Err(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return r
}

func order(t *testing.T, s *stack, id, name string, args any) command.Result {
	t.Helper()
	text, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	r, err := command.NewQueue(s.Stores()).Submit(t.Context(), command.Command{ID: id, Name: name, Args: text, Author: "ann", Reason: "because"})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

// TestCommands has them done once each, refused when they are no good, and gone on with when their leader has gone.
func TestCommands(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := start(t, stores)
		s.peers.set(7, 1500, 0)
		s.peers.set(8, 1500, 0)
		var done, onces atomic.Int64
		count := command.Handle("count", func(context.Context, command.Command, struct{}) (any, error) { return done.Add(1), nil })
		once := command.Handle("once", func(context.Context, command.Command, struct{}) (any, error) { return onces.Add(1), nil }).AtMostOnce()
		boom := command.Handle("boom", func(context.Context, command.Command, struct{}) (any, error) { panic("boom") })
		handlers := WithCommands(count, once, boom)

		// A leader that died has recorded two that it did not finish.
		db := migrated(t, stores)
		epoch, err := lease.NextEpoch(t.Context(), db, public.Fence)
		if err != nil {
			t.Fatal(err)
		}
		dead := public.New(db, nil).Leading(epoch)
		for _, name := range []string{"count", "once"} {
			if _, _, err := dead.StartCommand(t.Context(), public.Command{ID: "left-" + name, Name: name, Args: "{}", Author: "ann", Reason: "r"}); err != nil {
				t.Fatal(err)
			}
		}
		stream := func(text string) {
			err := stores.Redis().XAdd(t.Context(), &redis.XAddArgs{Stream: stores.Key("commands", "{commands}"), Values: []any{"command", text}}).Err()
			if err != nil {
				t.Fatal(err)
			}
		}
		queue := command.NewQueue(stores)
		if _, err := queue.Take(t.Context(), false); err != nil { // it makes the group
			t.Fatal(err)
		}
		stream(`{"id":"left-count","name":"count","author":"ann","reason":"r"}`)
		stream(`{"id":"left-once","name":"once","author":"ann","reason":"r"}`)
		if taken, err := queue.Take(t.Context(), false); len(taken) != 2 || err != nil {
			t.Fatalf("%v, %v", taken, err)
		}
		stream(`no JSON`)
		stream(`{"id":7}`)
		first := s.lead(settings(), handlers)
		if r := order(t, s, "left-count", "count", struct{}{}); r.Err() != nil || string(r.Value) != "1" {
			t.Errorf("one that was left: %+v", r)
		}
		if r := order(t, s, "left-once", "once", struct{}{}); r.Code != fault.Lost || onces.Load() != 0 {
			t.Errorf("one that must not be done twice: %+v, %d", r, onces.Load())
		}
		for range 2 {
			if r := order(t, s, "again", "count", struct{}{}); r.Err() != nil || string(r.Value) != "2" {
				t.Errorf("twice: %+v", r)
			}
		}
		for name, test := range map[string]struct {
			args any
			want fault.Code
		}{
			"unknown":         {struct{}{}, fault.Unimplemented},
			"count":           {map[string]int{"n": 1}, fault.Invalid},
			"boom":            {struct{}{}, fault.Internal},
			command.Grant:     {command.GrantArgs{Player: 7}, fault.Invalid},
			command.SendMail:  {command.MailArgs{Player: 7}, fault.Invalid},
			command.Broadcast: {command.BroadcastArgs{Letter: command.Letter{Sender: "s", Subject: "s"}}, fault.Invalid},
			command.Kick:      {command.KickArgs{Player: 7}, fault.OK},
		} {
			if r := order(t, s, "bad-"+name, name, test.args); r.Code != test.want {
				t.Errorf("%s: %+v", name, r)
			}
		}
		// What there is not is promised to nobody.
		for name, letter := range map[string]command.Letter{
			"there is no currency \"glod\"": {Sender: "s", Subject: "s", Wallet: map[string]int64{"glod": 1}},
			"there is no item \"sword\"":    {Sender: "s", Subject: "s", Items: map[string]int64{"sword": 1}},
		} {
			all := command.BroadcastArgs{Letter: letter}
			all.Expires = time.Now().Add(time.Hour).UnixMilli()
			for _, kind := range []string{command.Broadcast, command.Preview} {
				if r := order(t, s, "none-"+kind+name[12:16], kind, all); r.Code != fault.Invalid || r.Error != name {
					t.Errorf("%s: %+v", kind, r)
				}
			}
			if r := order(t, s, "none-mail"+name[12:16], command.SendMail, command.MailArgs{Player: 7, Letter: letter}); r.Code != fault.Invalid || r.Error != name {
				t.Errorf("a mail: %+v", r)
			}
		}
		submit(t, s, command.Grant, command.GrantArgs{Player: 7, Wallet: map[string]int64{"gold": 5}})
		submit(t, s, command.SendMail, command.MailArgs{Player: 7, Letter: command.Letter{Sender: "s", Subject: "s"}})
		first.Stop()
		s.lead(settings(), handlers)
		if r := order(t, s, "again", "count", struct{}{}); r.Err() != nil || string(r.Value) != "2" || done.Load() != 2 {
			t.Errorf("under another leader: %+v", r)
		}
		list, err := public.New(db, nil).Commands(t.Context(), time.Time{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			if c.Ended.IsZero() {
				t.Errorf("not ended: %+v", c)
			}
		}
	})
}

// TestLateCommands has a leader come after nobody has led for long: what waits on the stream is refused, and what the last leader had begun is finished.
func TestLateCommands(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s := start(t, stores)
		var done, looked atomic.Int64
		count := command.Handle("count", func(context.Context, command.Command, struct{}) (any, error) { return done.Add(1), nil })
		look := command.Handle("look", func(context.Context, command.Command, struct{}) (any, error) { return looked.Add(1), nil }).Reading()
		db := migrated(t, stores)
		epoch, err := lease.NextEpoch(t.Context(), db, public.Fence)
		if err != nil {
			t.Fatal(err)
		}
		dead := public.New(db, nil).Leading(epoch)
		for _, id := range []string{"begun", "tried"} {
			if _, _, err := dead.StartCommand(t.Context(), public.Command{ID: id, Name: "count", Args: "{}", Author: "ann", Reason: "r"}); err != nil {
				t.Fatal(err)
			}
		}
		added := 0
		put := func(id, name string, age time.Duration) {
			t.Helper()
			added++
			err := stores.Redis().XAdd(t.Context(), &redis.XAddArgs{
				Stream: stores.Key("commands", "{commands}"), ID: fmt.Sprintf("%d-%d", time.Now().Add(-age).UnixMilli(), added),
				Values: []any{"command", `{"id":"` + id + `","name":"` + name + `","author":"ann","reason":"r"}`, "reply", id},
			}).Err()
			if err != nil {
				t.Fatal(err)
			}
		}
		queue := command.NewQueue(stores)
		if _, err := queue.Take(t.Context(), false); err != nil { // it makes the group
			t.Fatal(err)
		}
		put("begun", "count", command.Lasts+4*time.Minute)
		put("taken", "count", command.Lasts+3*time.Minute)
		if taken, err := queue.Take(t.Context(), false); len(taken) != 2 || err != nil {
			t.Fatalf("%v, %v", taken, err)
		}
		put("tried", "count", command.Lasts+2*time.Minute)
		put("waited", "count", command.Lasts+time.Minute)
		put("looked", "look", command.Lasts+time.Second)
		put("in-time", "count", command.Lasts-2*time.Minute)
		s.lead(settings(), WithCommands(count, look))
		for id, want := range map[string]fault.Code{
			"begun": fault.OK, "taken": fault.FailedPrecondition, "tried": fault.Lost, "waited": fault.FailedPrecondition, "looked": fault.FailedPrecondition, "in-time": fault.OK,
		} {
			got, err := stores.Redis().XRead(t.Context(), &redis.XReadArgs{
				Streams: []string{stores.Key("commands", "{commands}", "reply", id), "0"}, Count: 1, Block: patience,
			}).Result()
			if err != nil {
				t.Fatalf("%s: %v", id, err)
			}
			var r command.Result
			text, _ := got[0].Messages[0].Values["result"].(string)
			if err := json.Unmarshal([]byte(text), &r); err != nil || r.Code != want || want == fault.FailedPrecondition && !strings.Contains(r.Error, "expired, not executed") {
				t.Errorf("%s: %s", id, text)
			}
		}
		if done.Load() != 2 || looked.Load() != 0 {
			t.Errorf("%d are done, and %d looked", done.Load(), looked.Load())
		}
		for _, id := range []string{"taken", "waited"} {
			if r := order(t, s, id, "count", struct{}{}); r.Code != command.ErrExpired.Code || r.Error != command.ErrExpired.Message {
				t.Errorf("%s, submitted again: %+v", id, r)
			}
		}
		if r := order(t, s, "tried", "count", struct{}{}); r.Err() != nil || string(r.Value) != "3" {
			t.Errorf("one that may be tried again: %+v", r)
		}
		list, err := public.New(db, nil).Commands(t.Context(), time.Time{}, 100)
		if err != nil || len(list) != 5 {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, c := range list {
			if expired := c.ID == "taken" || c.ID == "waited"; c.Ended.IsZero() || (c.Code == command.ErrExpired.Code) != expired || (c.Error != "") != expired {
				t.Errorf("recorded: %+v", c)
			}
		}
	})
}

// TestBroadcast sends one twice, and lists it for those whom it is for.
func TestBroadcast(t *testing.T) {
	t.Parallel()
	s := start(t, storetest.Embedded(t))
	for p := int64(1); p <= 5; p++ {
		s.peers.set(p, 1500, 0)
	}
	s.lead(settings())
	args := command.BroadcastArgs{Area: 1, MaxLevel: 1, Letter: command.Letter{
		Sender: "system", Subject: "Hello", Body: "All", Wallet: map[string]int64{"gold": 3}, Expires: time.Now().Add(time.Hour).UnixMilli(),
	}}
	s.eventually("it would reach all five", func() bool {
		var reach command.Reach
		err := json.Unmarshal(submit(t, s, command.Preview, args).Value, &reach)
		return err == nil && reach.Players == 5 && reach.Broadcast == 0
	})
	var first, second command.Reach
	err := errors.Join(json.Unmarshal(order(t, s, "b1", command.Broadcast, args).Value, &first), json.Unmarshal(order(t, s, "b1", command.Broadcast, args).Value, &second))
	if err != nil || first.Broadcast == 0 || first != second || first.Players != 5 {
		t.Errorf("%+v, %+v, %v", first, second, err)
	}
	s.eventually("worlds are told", func() (told bool) {
		s.peers.look(func() { told = s.peers.newest == first.Broadcast })
		return told
	})
	list, err := try(s, api.ListBroadcasts.Call, &pb.ListBroadcasts{Area: 1})
	if err != nil || len(list.GetBroadcasts()) != 1 || list.GetBroadcasts()[0].GetId() != first.Broadcast || list.GetBroadcasts()[0].GetWallet()["gold"] != 3 {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := try(s, api.ListBroadcasts.Call, &pb.ListBroadcasts{Area: 2}); err != nil || len(list.GetBroadcasts()) != 0 {
		t.Errorf("in the other area: %v, %v", list, err)
	}
}

// TestKilled kills the process of the leader. The node that stands by serves soon afterwards, knows everything, and goes on with what was begun.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stores, err := store.Open(t.Context(), store.Config{DataDir: dir, Prefix: "killed"}, storetest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stores.Close() })
	s := start(t, stores)
	s.peers.set(1, 1500, 0)
	kill := s.leadElsewhere(dir, "")
	var stuck atomic.Int64
	s.standBy(settings(), WithJobs(Job{Name: "stuck", Cron: "0 0 0 1 1 *", Run: func(context.Context, uint16, time.Time) error {
		stuck.Add(1)
		return nil
	}}))
	for n := int64(1); n <= 3; n++ {
		if r, err := try(s, api.Say.Call, &pb.Say{Area: 1, Player: n, Name: "p", Text: "x"}); err != nil || r.GetLine().GetNumber() != n {
			t.Fatalf("%v, %v", r, err)
		}
	}
	left := public.New(migrated(t, stores), nil)
	s.eventually("a job is running in both areas", func() bool {
		runs := 0
		for _, a := range []uint16{1, 2} {
			last, err := left.Runs(t.Context(), "stuck", a, 1)
			if err == nil && len(last) == 1 && last[0].Outcome == public.Running {
				runs++
			}
		}
		return runs == 2
	})
	kill()
	began := time.Now()
	r, err := try(s, api.Say.Call, &pb.Say{Area: 1, Player: 7, Name: "p", Text: "x"})
	t.Logf("served %v after the kill", time.Since(began))
	if err != nil || r.GetLine().GetNumber() != 4 {
		t.Errorf("%v, %v", r, err)
	}
	s.eventually("what was begun is done", func() bool { return stuck.Load() == 2 })
}

// TestKilledAmidASeason kills the process of the leader while it gives everybody what the season that has ended brings. The node that stands by serves, goes on, and
// everybody has got everything once, also those for whom nobody has heard that they have.
func TestKilledAmidASeason(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stores, err := store.Open(t.Context(), store.Config{DataDir: dir, Prefix: "amid"}, storetest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stores.Close() })
	s := start(t, stores)
	const players = 40
	first := s.lead(settings())
	for p := int64(1); p <= players; p++ {
		s.peers.set(p, 2000+int32(p), time.Now().UnixMilli()+p)
	}
	s.eventually("all are ranked", func() bool {
		r, err := try(s, api.ReadRanking.Call, &pb.ReadRanking{Area: 1})
		return err == nil && r.GetTotal() == players
	})
	first.Stop()

	reached, goOn := make(chan struct{}), make(chan struct{})
	s.peers.look(func() {
		s.peers.hold = func(n int) {
			if n == players/2 {
				close(reached)
			}
			if n >= players/2 {
				<-goOn // what it has done is not answered before its leader is dead
			}
		}
	})
	kill := s.leadElsewhere(dir, "* * * * * *")
	s.standBy(settings(), retrySeasons())
	select {
	case <-reached:
	case <-time.After(patience):
		t.Fatal("no season ends")
	}
	kill()
	began := time.Now()
	s.peers.look(func() { s.peers.hold = nil })
	close(goOn)
	if _, err := try(s, api.ReadRanking.Call, &pb.ReadRanking{Area: 1}); err != nil {
		t.Fatal(err)
	}
	t.Logf("served %v after the kill", time.Since(began))
	s.eventually("everybody has got his", func() bool {
		given := 0
		s.peers.look(func() { given = s.peers.given })
		return given >= 2*players
	})
	s.peers.look(func() {
		for p, one := range s.peers.players {
			rating, gold := 2000+int32(p), int64(10)
			if p == players {
				gold = 100
			}
			if want := rating + (1500-rating)*50/100; one.standing.GetRating() != want || len(one.ops) != 1 || len(one.mails) != 1 || one.mails["season:1:1"]["gold"] != gold {
				t.Errorf("player %d: rating %d, want %d; %v, %v", p, one.standing.GetRating(), want, one.ops, one.mails)
			}
		}
	})
}
