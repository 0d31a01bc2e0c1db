package world_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/world"
	"loumiao/robot/client"
)

// livelyWorld starts a world that tells friends quickly.
func (p *place) livelyWorld() *life {
	p.t.Helper()
	return p.world(func(c *world.Config) { c.PresenceEvery = 10 * time.Millisecond })
}

// await is the next push of type R that is so; others are passed over.
func await[R proto.Message](s *session, so func(R) bool) R {
	s.t.Helper()
	late := time.After(patience)
	for {
		select {
		case m := <-s.pushes:
			if r, ok := m.(R); ok && so(r) {
				return r
			}
		case <-late:
			var none R
			s.t.Fatalf("%T has not come", none)
			return none
		}
	}
}

// seesAs waits until the client has been told that a player is so.
func (s *session) seesAs(player int64, how pb.Friend_Presence) {
	s.t.Helper()
	await(s, func(m *pb.PresenceChanged) bool { return m.GetPlayer() == player && m.GetPresence() == how })
}

func TestFriends(t *testing.T) {
	t.Parallel()
	p := storedPlace(t)
	p.livelyWorld()
	ada, bob := p.connect(1), p.connect(2)
	ada.enter()
	name := bob.enter().GetProfile().GetName()
	found := ask[*pb.FindPlayerReply](ada, &pb.FindPlayer{Name: name})
	if found.GetPlayer() != 2 || found.GetName() != name || found.GetLevel() != 1 {
		t.Errorf("found %v", found)
	}
	refused[*pb.FindPlayerReply](ada, "nobody's name", &pb.FindPlayer{Name: "\xc3\xa9 nobody"}, fault.NotFound)
	if r := ask[*pb.AddFriendReply](ada, &pb.AddFriend{Player: 2}); r.GetBond() != pb.Friend_ASKED {
		t.Errorf("asked: %v", r)
	}
	await(bob, func(m *pb.FriendChanged) bool {
		return m.GetFriend().GetPlayer() == 1 && m.GetFriend().GetBond() == pb.Friend_ASKED_BY
	})
	if r := ask[*pb.AddFriendReply](bob, &pb.AddFriend{Player: 1}); r.GetBond() != pb.Friend_FRIEND {
		t.Errorf("accepted: %v", r)
	}
	// One after the other: ada hears of the friendship, asks how bob is, and both know.
	await(ada, func(m *pb.FriendChanged) bool {
		return m.GetFriend().GetPlayer() == 2 && m.GetFriend().GetBond() == pb.Friend_FRIEND && m.GetFriend().GetName() == name
	})
	ada.seesAs(2, pb.Friend_ONLINE)
	bob.seesAs(1, pb.Friend_ONLINE)
	list := ask[*pb.GetFriendsReply](ada, &pb.GetFriends{}).GetFriends()
	if len(list) != 1 || list[0].GetPlayer() != 2 || list[0].GetBond() != pb.Friend_FRIEND || list[0].GetPresence() != pb.Friend_ONLINE || list[0].GetName() != name || list[0].GetSinceMs() == 0 {
		t.Errorf("ada's friends: %v", list)
	}

	ask[*pb.RemoveFriendReply](bob, &pb.RemoveFriend{Player: 1})
	await(ada, func(m *pb.FriendChanged) bool { return m.GetFriend().GetBond() == pb.Friend_NOTHING })
	ask[*pb.BlockPlayerReply](bob, &pb.BlockPlayer{Player: 1})
	refused[*pb.AddFriendReply](ada, "asking who has blocked", &pb.AddFriend{Player: 2}, fault.Forbidden)
	refused[*pb.AddFriendReply](ada, "asking herself", &pb.AddFriend{Player: 1}, fault.Invalid)
	refused[*pb.AddFriendReply](ada, "asking nobody", &pb.AddFriend{Player: 77}, fault.NotFound)
	if list := ask[*pb.GetFriendsReply](ada, &pb.GetFriends{}).GetFriends(); len(list) != 0 {
		t.Errorf("ada's friends: %v", list)
	}
	if list := ask[*pb.GetFriendsReply](bob, &pb.GetFriends{}).GetFriends(); len(list) != 1 || list[0].GetBond() != pb.Friend_BLOCKED || list[0].GetPresence() != pb.Friend_OFFLINE {
		t.Errorf("bob's friends: %v", list)
	}
}

// TestBondsToldLate has a player told what another has made of himself to him after what he has done about the other since: that stays.
func TestBondsToldLate(t *testing.T) {
	t.Parallel()
	p := storedPlace(t)
	p.livelyWorld()
	ada, bob := p.connect(1), p.connect(2)
	ada.enter()
	bob.enter()
	number := uint64(0)
	// sees reports whether what is told of bob's presence reaches ada, as it does of a friend; nothing else does.
	sees := func() bool {
		t.Helper()
		number++
		how := []pb.Friend_Presence{pb.Friend_ONLINE, pb.Friend_IN_BATTLE}[number%2]
		must(t, tell(p, api.PlayerSeen, &pb.PlayerSeen{Player: 1, Friend: 2, Presence: how, Epoch: 99, Number: number}))
		ask[*pb.GetProfileReply](ada, &pb.GetProfile{}) // behind what she is told
		for seen := false; ; {
			select {
			case m := <-ada.pushes:
				is, ok := m.(*pb.PresenceChanged)
				if !ok || is.GetPresence() != how {
					t.Errorf("ada is told %v", m)
				}
				seen = seen || ok
			default:
				return seen
			}
		}
	}
	late := func(bond pb.Friend_Bond) {
		t.Helper()
		must(t, tell(p, api.PlayerRelated, &pb.PlayerRelated{Player: 1, Friend: &pb.Friend{Player: 2, Bond: bond}}))
	}
	ask[*pb.AddFriendReply](bob, &pb.AddFriend{Player: 1})
	await(ada, func(m *pb.FriendChanged) bool { return m.GetFriend().GetBond() == pb.Friend_ASKED_BY })
	if r := ask[*pb.AddFriendReply](ada, &pb.AddFriend{Player: 2}); r.GetBond() != pb.Friend_FRIEND {
		t.Fatalf("accepted: %v", r)
	}
	ada.seesAs(2, pb.Friend_ONLINE)
	late(pb.Friend_ASKED_BY)
	if !sees() {
		t.Error("bob is no friend of ada's by what he had asked before")
	}
	ask[*pb.RemoveFriendReply](ada, &pb.RemoveFriend{Player: 2})
	late(pb.Friend_FRIEND)
	if sees() {
		t.Error("bob is a friend of ada's by what he was before she ended it")
	}
	ask[*pb.AddFriendReply](bob, &pb.AddFriend{Player: 1}) // and this is not late
	await(ada, func(m *pb.FriendChanged) bool { return m.GetFriend().GetBond() == pb.Friend_ASKED_BY })
}

// befriend makes the players friends, without their worlds.
func (p *place) befriend(a, b int64) {
	p.t.Helper()
	for player, other := range map[int64]int64{a: b, b: a} {
		_, err := api.LoadPlayer.Call(p.t.Context(), p.gate.node.RPC(), &pb.LoadPlayer{Player: player, Account: 1000 + player, Area: 1}, rpc.Any)
		if err == nil {
			_, err = api.LoadPlayer.Call(p.t.Context(), p.gate.node.RPC(), &pb.LoadPlayer{Player: other, Account: 1000 + other, Area: 1}, rpc.Any)
		}
		if err == nil {
			_, err = api.Relate.Call(p.t.Context(), p.gate.node.RPC(), &pb.Relate{Player: player, Other: other, Act: pb.Relate_ASK}, rpc.Any)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

// TestPresence has friends on two worlds follow each other: coming, fighting, going, and when a world dies.
func TestPresence(t *testing.T) {
	t.Parallel()
	p := storedPlace(t)
	first, second := p.livelyWorld(), p.livelyWorld()
	p.befriend(1, 2)
	ada, bob := p.connect(1), p.connect(2)
	p.gate.sendTo(first.ID())
	ada.enter()
	p.gate.sendTo(second.ID())
	bob.enter()
	ada.seesAs(2, pb.Friend_ONLINE)
	bob.seesAs(1, pb.Friend_ONLINE)

	matched := &pb.PlayerMatched{Player: 2, Ticket: 1, Match: 5, Room: 5, Zone: 1, Mode: "arena", Players: []int64{2}}
	if _, err := api.PlayerMatched.Call(t.Context(), p.gate.node.RPC(), matched); err != nil {
		t.Fatal(err)
	}
	ada.seesAs(2, pb.Friend_IN_BATTLE)
	if _, err := api.PlayerUnmatched.Call(t.Context(), p.gate.node.RPC(), &pb.PlayerUnmatched{Player: 2, Match: 5, Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	ada.seesAs(2, pb.Friend_ONLINE)
	second.stop() // it hands him over; until he has said so, his friends may not know where he is
	p.eventually("bob is seen at the other world", func() bool {
		list := ask[*pb.GetFriendsReply](ada, &pb.GetFriends{}).GetFriends()
		return len(list) == 1 && list[0].GetPresence() == pb.Friend_ONLINE
	})
	if _, err := api.ReleasePlayer.Call(t.Context(), p.gate.node.RPC(), &pb.ReleasePlayer{Player: 2}); err != nil {
		t.Fatal(err)
	}
	p.eventually("bob is not seen any more", func() bool {
		list := ask[*pb.GetFriendsReply](ada, &pb.GetFriends{}).GetFriends()
		return len(list) == 1 && list[0].GetPresence() == pb.Friend_OFFLINE
	})
	p.gate.sendTo(first.ID())
	bob.enter()
	p.eventually("bob is back", func() bool {
		list := ask[*pb.GetFriendsReply](ada, &pb.GetFriends{}).GetFriends()
		return len(list) == 1 && list[0].GetPresence() == pb.Friend_ONLINE
	})
	await(bob, func(m *pb.PresenceChanged) bool { return m.GetPlayer() == 1 && m.GetPresence() == pb.Friend_ONLINE })

	// What was said before is not believed after it: of an older epoch, and of the same one with an older number.
	for _, m := range []*pb.PlayerSeen{{Epoch: 1, Number: 1 << 40}, {Epoch: 3, Number: 0}} {
		m.Player, m.Friend, m.Presence = 1, 2, pb.Friend_IN_BATTLE
		if _, err := api.PlayerSeen.Call(t.Context(), p.gate.node.RPC(), m); err != nil {
			t.Fatal(err)
		}
	}
	// And nothing of who is no friend.
	if _, err := api.PlayerSeen.Call(t.Context(), p.gate.node.RPC(), &pb.PlayerSeen{Player: 1, Friend: 3, Presence: pb.Friend_ONLINE, Epoch: 9}); err != nil {
		t.Fatal(err)
	}
	if list := ask[*pb.GetFriendsReply](ada, &pb.GetFriends{}).GetFriends(); len(list) != 1 || list[0].GetPresence() != pb.Friend_ONLINE {
		t.Errorf("ada's friends: %v", list)
	}
}

func TestChat(t *testing.T) {
	t.Parallel()
	p := storedPlace(t)
	w := p.livelyWorld()
	w.world.Pausable()
	ada, bob, eve := p.connect(1), p.connect(2), p.connect(3)
	name := ada.enter().GetProfile().GetName()
	bob.enter()
	eve.enter()
	say := func(to int64, text string) *pb.SendChat { return &pb.SendChat{To: to, Text: text} }
	ask[*pb.SendChatReply](ada, say(2, "Hello"))
	if m := next[*pb.ChatArrived](bob); m.GetFrom() != 1 || m.GetName() != name || m.GetText() != "Hello" || m.GetSentMs() == 0 {
		t.Errorf("bob hears %v", m)
	}
	for what, m := range map[string]*pb.SendChat{
		"nothing": say(2, ""), "only spaces": say(2, "  "), "too long": say(2, strings.Repeat("é", 201)), "two lines": say(2, "a\nb"), "to herself": say(1, "Hello"),
	} {
		refused[*pb.SendChatReply](ada, what, m, fault.Invalid)
	}
	refused[*pb.SendChatReply](ada, "saying to nobody", say(77, "Hello"), fault.FailedPrecondition)
	ask[*pb.BlockPlayerReply](bob, &pb.BlockPlayer{Player: 1})
	refused[*pb.SendChatReply](ada, "saying to who has blocked her", say(2, "Hello"), fault.FailedPrecondition)
	refused[*pb.SendChatReply](bob, "saying to whom he has blocked", say(1, "Hello"), fault.FailedPrecondition)
	asked := &pb.PlayerRelated{Player: 2, Friend: &pb.Friend{Player: 1, Bond: pb.Friend_ASKED_BY}} // before he blocked her, and told late
	must(t, tell(p, api.PlayerRelated, asked))
	refused[*pb.SendChatReply](ada, "saying to who has blocked her", say(2, "Hello"), fault.FailedPrecondition)
	ask[*pb.SendChatReply](eve, say(2, strings.Repeat("é", 200)))
	if m := next[*pb.ChatArrived](bob); m.GetFrom() != 3 {
		t.Errorf("bob hears %v", m)
	}
	limited := false
	for n := range 20 {
		_, err := try[*pb.SendChatReply](eve, say(2, fmt.Sprint(n)))
		limited = limited || fault.CodeOf(err) == fault.RateLimited
	}
	if !limited {
		t.Error("20 at once are not too much")
	}
	limited = false
	for range 20 {
		_, err := try[*pb.AddFriendReply](eve, &pb.AddFriend{Player: 1})
		limited = limited || fault.CodeOf(err) == fault.RateLimited
	}
	if !limited {
		t.Error("asking 20 times at once is not too much")
	}
	_, err := api.PlayerTold.Call(t.Context(), p.gate.node.RPC(), &pb.PlayerTold{Player: 2, Area: 2, Chat: &pb.ChatArrived{From: 3}})
	if fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("from another area: %v", err)
	}

	// Two who say something to each other at the same moment do not wait for each other.
	carl, dora := p.connect(4), p.connect(5)
	carl.enter()
	dora.enter()
	done := make(chan error, 2)
	resume, resumeDora := w.world.Pause(t, 4), w.world.Pause(t, 5)
	for s, to := range map[*session]int64{carl: 5, dora: 4} {
		go func() {
			_, err := try[*pb.SendChatReply](s, say(to, "Hello"))
			done <- err
		}()
	}
	carl.delivered(bob)
	dora.delivered(bob)
	resume()
	resumeDora()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	next[*pb.ChatArrived](carl)
	next[*pb.ChatArrived](dora)
}

// TestChatKeepsItsOrder has a player say several things without waiting for an answer: the other hears them in that order.
func TestChatKeepsItsOrder(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var now atomic.Int64
	now.Store(time.Now().UnixNano())
	p.known(p.run(api.World, world.New(world.Defaults(), world.WithClock(func() time.Time { return time.Unix(0, now.Load()) }))).Node)
	ada, bob := p.connect(1), p.connect(2)
	ada.enter()
	bob.enter()
	for range 40 {
		now.Add(int64(10 * time.Second)) // all of it may be said at once
		var waits []func(context.Context) (*pb.SendChatReply, error)
		for n := range 5 {
			wait, err := client.Start[*pb.SendChatReply](ada.Conn, &pb.SendChat{To: 2, Text: fmt.Sprint(n)})
			if err != nil {
				t.Fatal(err)
			}
			waits = append(waits, wait)
		}
		for _, wait := range waits {
			if _, err := wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 5 {
			if m := next[*pb.ChatArrived](bob); m.GetText() != fmt.Sprint(n) {
				t.Fatalf("he hears %q in place of %d", m.GetText(), n)
			}
		}
	}
}
