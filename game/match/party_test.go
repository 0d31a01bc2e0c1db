package match

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
)

// TestPartyRandom compares parties in Redis with a plain model of them, over random acts of few players.
func TestPartyRandom(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		s, _ := newStore(stores)
		rnd := rand.New(rand.NewPCG(1, 3))
		of := map[api.PlayerID]int64{}
		parties := map[int64][]api.PlayerID{}
		type invitation struct {
			party int64
			who   api.PlayerID
		}
		invited := map[invitation]bool{}
		const players = 12
		done, moved, joined, changed := 0, 0, 0, 0
		var seen []Party // as parties are, or were
		number := int64(0)
		for step := range 1500 {
			player, other := api.PlayerID(1+rnd.IntN(players)), api.PlayerID(1+rnd.IntN(players))
			if player == other {
				continue
			}
			do := []act{look, depart, kick, invite, invite, invite, invite, invite, accept, accept, accept, accept, accept, accept}[rnd.IntN(14)]
			id := of[player]
			list := parties[id]
			var party int64
			if do == accept {
				for i := range invited { // one of his, or any
					if party = i.party; i.who == player {
						break
					}
				}
			}
			var want error
			var gone []api.PlayerID
			var left Party
			remove := func(who api.PlayerID) {
				list = slices.DeleteFunc(slices.Clone(list), func(p api.PlayerID) bool { return p == who })
				gone = append(gone, who)
				parties[id] = list
				if len(list) < 2 {
					gone = append(gone, list...)
					delete(parties, id)
					list = nil
				}
				for _, p := range gone {
					delete(of, p)
				}
			}
			if do == depart && rnd.IntN(3) > 0 {
				continue // or no party would ever be full
			}
			switch do {
			case invite:
				switch {
				case slices.Contains(list, other):
					want = errAlreadyIn
				case len(list) >= MaxParty:
					want = errFull
				default:
					if id == 0 {
						id = int64(step + 1)
						of[player], parties[id] = id, []api.PlayerID{player}
					}
					invited[invitation{id, other}] = true
				}
			case accept:
				joined := parties[party]
				switch {
				case party == id:
				case !invited[invitation{party, player}] || len(joined) == 0:
					want = errNoInvite
				case len(joined) >= MaxParty:
					want = errFull
				default:
					delete(invited, invitation{party, player})
					if len(list) >= 2 {
						remove(player)
						gone = gone[1:]
						if list != nil {
							left = Party{ID: id, Players: list}
						}
						moved++
					} else {
						delete(parties, id)
					}
					of[player], parties[party] = party, append(slices.Clone(joined), player)
					done++
				}
			case depart:
				if want = errNoParty; id != 0 {
					want = nil
					remove(player)
				}
			case kick:
				switch {
				case id == 0:
					want = errNoParty
				case list[0] != player:
					want = errNotLeader
				case !slices.Contains(list, other):
					want = errNotInParty
				default:
					remove(other)
				}
			}
			changes := want == nil && do != look && (do != accept || party != id)
			c, err := s.Party(t.Context(), arena.Area, do, player, other, party, int64(step+1))
			is, was, out := c.is, c.left, c.gone
			if (err == nil) != (want == nil) || want != nil && (err == nil || err.Error() != want.Error()) {
				t.Fatalf("step %d: player %v does %s: %v, want %v", step, player, do, err, want)
			}
			if do != depart {
				id = of[player]
			}
			if len(parties[id]) == 0 {
				id = 0
			}
			if is.ID != id || !slices.Equal(is.Players, parties[id]) || !slices.Equal(out, gone) || was.ID != left.ID || !slices.Equal(was.Players, left.Players) {
				t.Fatalf("step %d: after %s by %v the party is %+v, left %+v, gone %v; want %v %v, left %+v, gone %v", step, do, player, is, was, out, id, parties[id], left, gone)
			}
			if is.Number < number || is.Number == number && changes {
				t.Fatalf("step %d: after %s by %v the number is %d; it was %d", step, do, player, is.Number, number)
			}
			number = is.Number

			// A ticket is for a party as it is.
			if len(is.Players) == 0 {
				is = Party{Players: []api.PlayerID{player}}
			}
			seen = append(seen, is)
			team := seen[max(0, len(seen)-1-rnd.IntN(40))]
			leader := team.Players[0]
			want = ErrPartyChanged
			if of[leader] == team.ID && (team.ID == 0 || slices.Equal(parties[team.ID], team.Players)) {
				want = nil
				joined++
			} else {
				changed++
			}
			if _, err := s.Join(t.Context(), arena, Ticket{ID: api.TicketID(step + 1)}.party(team.Players), team.ID); !errors.Is(err, want) {
				t.Fatalf("step %d: a ticket for %+v: %v, want %v; they are %v %v", step, team, err, want, of[leader], parties[of[leader]])
			}
			if want != nil {
				continue
			}
			if won, err := s.Cancel(t.Context(), arena.Area, leader, 0); !won || err != nil {
				t.Fatal(won, err)
			}
		}
		if joined < 100 || changed < 100 {
			t.Fatalf("%d parties were as they had been, and %d not: the test does not test", joined, changed)
		}
		if done < 20 || moved < 20 {
			t.Fatalf("%d joined, %d of them out of another party: the test does not test", done, moved)
		}
		// A party that fills up.
		var c change
		for p := api.PlayerID(101); p < 100+MaxParty+1; p++ {
			var err error
			if c, err = s.Party(t.Context(), arena.Area, invite, 101, p+1, 0, 9999); p == 100+MaxParty {
				if !errors.Is(err, errFull) {
					t.Errorf("one too many is invited: %v", err)
				}
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if c, err = s.Party(t.Context(), arena.Area, accept, p+1, 0, 9999, 0); err != nil {
				t.Fatal(err)
			}
		}
		if len(c.is.Players) != MaxParty || !c.is.leads(101) {
			t.Errorf("the full party is %+v", c.is)
		}
	})
}

// TestPartyPlays takes two friends from an invitation through a match as one team, with all that ends a ticket of theirs on the way.
func TestPartyPlays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		w := newWorld(t, 40)
		cfg := quick()
		cfg.Modes["team"] = Mode{Players: 4, Teams: 2, Window: 1000}.withDefaults()
		d := open(t, stores, w, cfg, 7, "a")
		do := func(a act, player, other api.PlayerID, party int64) Party {
			t.Helper()
			is, err := d.party(ctx, 7, a, player, other, party)
			if err != nil {
				t.Fatal(a, err)
			}
			return is
		}
		party := do(invite, 1, 2, 0)
		if again := do(accept, 2, 0, party.ID); !slices.Equal(again.Players, []api.PlayerID{1, 2}) {
			t.Fatalf("the party is %+v", again)
		}
		if _, _, err := d.team(ctx, 7, 2, 100); !errors.Is(err, errNotLeader) {
			t.Errorf("one who does not lead starts: %v", err)
		}
		w.mu.Lock()
		w.refuse = func(what string) error {
			if what == "ready" {
				return fault.New(fault.NotOwner, "nobody has him")
			}
			return nil
		}
		w.mu.Unlock()
		if _, _, err := d.team(ctx, 7, 1, 100); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("with somebody who is away: %v", err)
		}
		w.mu.Lock()
		w.refuse = func(string) error { return nil }
		w.mu.Unlock()
		start := func() api.TicketID {
			t.Helper()
			team, rating, err := d.team(ctx, 7, 1, 100)
			if err != nil || !slices.Equal(team.Players, []api.PlayerID{1, 2}) || rating != 175 {
				t.Fatalf("the team is %+v of %d, %v", team, rating, err)
			}
			if _, err := d.start(ctx, Pool{7, "arena"}, 1, 100); !errors.Is(err, errParty) {
				t.Errorf("a party where everybody is for himself: %v", err)
			}
			ticket, err := d.start(ctx, Pool{7, "team"}, 1, 100)
			if err != nil {
				t.Fatal(err)
			}
			return ticket
		}
		ended := func(ticket api.TicketID, reason string) {
			t.Helper()
			until(t, reason, func() bool {
				w.mu.Lock()
				defer w.mu.Unlock()
				return w.unmatched[ticket] == reason
			})
		}
		ticket := start()
		if won, err := d.leave(ctx, 7, 2, 0); !won || err != nil {
			t.Errorf("cancel by a mate: %v, %v", won, err)
		}
		ended(ticket, reasonCancelled)

		ticket = start()
		do(invite, 1, 3, 0)
		do(accept, 3, 0, party.ID)
		ended(ticket, reasonParty)
		do(kick, 1, 3, 0)

		ticket = start()
		for p := range api.PlayerID(2) {
			if _, err := d.join(ctx, Pool{7, "team"}, 100, alone(10+p)); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "they are matched", func() bool { return w.told() == 3 })
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, g := range w.rooms[40] {
			if players := (Match{Tickets: g}).players(); len(players) != 4 || slices.Index(players, 1)/2 != slices.Index(players, 2)/2 {
				t.Errorf("the teams are %v", players)
			}
		}
		if w.matched[ticket] == 0 {
			t.Error("the party's ticket is in no match")
		}
		searching, invitations := 0, 0
		for _, n := range w.news {
			if n.ticket != 0 && n.player == 2 && n.mode == "team" {
				searching++
			}
			if n.from != 0 {
				invitations++
			}
		}
		if searching != 3 || invitations != 2 {
			t.Errorf("player 2 heard of %d tickets; %d invitations", searching, invitations)
		}
	})
}

// TestPartiesUnderLoad has parties and single players come from many sides, and every ticket in one match, whole.
func TestPartiesUnderLoad(t *testing.T) {
	t.Parallel()
	stores := storetest.Embedded(t)
	w := newWorld(t, 40)
	cfg := quick()
	cfg.Modes["team"] = Mode{Players: 6, Teams: 2, Window: 5000, Starving: 2 * time.Second}.withDefaults()
	a, b := open(t, stores, w, cfg, 7, "a"), open(t, stores, w, cfg, 7, "bb")
	rnd := rand.New(rand.NewPCG(2, 2))
	next, tickets := api.PlayerID(1), map[api.TicketID]int{}
	for size := range 60 {
		players := make([]api.PlayerID, 1+size%3) // 20 each of one, two and three: 20 full teams in all
		for i := range players {
			players[i] = next
			next++
		}
		d := []*desk{a, b}[rnd.IntN(2)]
		ticket, err := d.join(t.Context(), Pool{7, "team"}, rnd.Int32N(1000), Party{Players: players})
		if err != nil {
			t.Fatal(err)
		}
		tickets[ticket] = len(players)
	}
	// Those who came alone may have made teams of their own, and left those of two without a third: he comes, as long as one waits.
	until(t, "all of them are matched", func() bool {
		left := len(tickets)
		w.mu.Lock()
		for _, g := range w.rooms[40] {
			for _, tk := range g {
				if tickets[tk.ID] > 0 {
					left--
				}
			}
		}
		w.mu.Unlock()
		if left > 0 {
			if _, err := a.join(t.Context(), Pool{7, "team"}, rnd.Int32N(1000), alone(next)); err != nil {
				t.Fatal(err)
			}
			next++
		}
		return left <= 0
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	in := map[api.TicketID]api.MatchID{}
	for id, g := range w.rooms[40] {
		for _, tk := range g {
			if want := max(1, tickets[tk.ID]); in[tk.ID] != 0 || tk.size() != want {
				t.Errorf("ticket %v of %d players is in %v and %v with %d", tk.ID, want, in[tk.ID], id, tk.size())
			}
			in[tk.ID] = id
		}
	}
}

// TestPartyAcceptedInVain has a player stay in his party, which goes on waiting, when he takes an invitation to another that is not there any more; and change to the other at one
// stroke when it is.
func TestPartyAcceptedInVain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		w := newWorld(t, 40)
		cfg := quick()
		cfg.Modes["team"] = Mode{Players: 6, Teams: 2, Window: 1000}.withDefaults()
		d := open(t, stores, w, cfg, 7, "a")
		must := func(is Party, err error) Party {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return is
		}
		own := must(d.party(ctx, 7, invite, 1, 2, 0))
		must(d.party(ctx, 7, accept, 2, 0, own.ID))
		must(d.party(ctx, 7, invite, 1, 3, 0))
		must(d.party(ctx, 7, accept, 3, 0, own.ID))
		ticket, err := d.start(ctx, Pool{7, "team"}, 1, 100)
		if err != nil {
			t.Fatal(err)
		}
		other := must(d.party(ctx, 7, invite, 10, 11, 0))
		if _, err := d.party(ctx, 7, accept, 2, 0, other.ID); !errors.Is(err, errNoInvite) {
			t.Fatalf("an invitation of another: %v", err)
		}
		if is := must(d.party(ctx, 7, look, 2, 0, 0)); !slices.Equal(is.Players, []api.PlayerID{1, 2, 3}) {
			t.Errorf("after an invitation that was nothing he is in the party %+v", is)
		}
		if again, err := d.start(ctx, Pool{7, "team"}, 1, 100); err != nil || again != ticket {
			t.Errorf("the party's ticket is %v now, %v; it was %v", again, err, ticket)
		}

		must(d.party(ctx, 7, invite, 10, 2, 0))
		if is := must(d.party(ctx, 7, accept, 2, 0, other.ID)); !slices.Equal(is.Players, []api.PlayerID{10, 2}) {
			t.Errorf("he is in the party %+v", is)
		}
		if is := must(d.party(ctx, 7, look, 1, 0, 0)); !slices.Equal(is.Players, []api.PlayerID{1, 3}) {
			t.Errorf("the party that he has left is %+v", is)
		}
		until(t, "everybody hears of it", func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			heard := func(player api.PlayerID, of ...api.PlayerID) bool {
				return slices.ContainsFunc(w.news, func(n news) bool { return n.player == player && slices.Equal(n.party.Players, of) })
			}
			return w.unmatched[ticket] == reasonParty && heard(1, 1, 3) && heard(3, 1, 3) && heard(10, 10, 2)
		})
	})
}

// TestPartyEndsTickets has nothing run but the act on a party, as when its node dies right after: nobody who is in the party, or was, waits any more with a ticket from before.
func TestPartyEndsTickets(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		ctx := t.Context()
		s, _ := newStore(stores)
		join := func(party int64, id api.TicketID, players ...api.PlayerID) Ticket {
			t.Helper()
			if got, err := s.Join(ctx, arena, Ticket{ID: id}.party(players), party); err != nil || got != id {
				t.Fatalf("join with ticket %v: %v, %v", id, got, err)
			}
			for _, waits := range mustPoll(t, s, arena, 0).Tickets {
				if waits.ID == id {
					return waits
				}
			}
			t.Fatalf("ticket %v does not wait", id)
			return Ticket{}
		}
		do := func(a act, player, other api.PlayerID, party int64, ended ...Ticket) Party {
			t.Helper()
			c, err := s.Party(ctx, arena.Area, a, player, other, party, 100+int64(player))
			if err != nil {
				t.Fatalf("%s by player %v: %v", a, player, err)
			}
			slices.SortFunc(c.ended, older)
			if !slices.Equal(c.ended, ended) {
				t.Errorf("%s by player %v has ended %v, want %v", a, player, c.ended, ended)
			}
			waiting := mustPoll(t, s, arena, 0).Tickets
			for _, was := range ended {
				if slices.Contains(waiting, was) {
					t.Errorf("after %s by player %v ticket %v still waits", a, player, was)
				}
				for _, p := range was.players() {
					if won, err := s.Cancel(ctx, arena.Area, p, was.ID); !won || err != nil {
						t.Errorf("a cancel of ticket %v says %v, %v", was, won, err)
					}
				}
			}
			return c.is
		}
		party := do(invite, 1, 2, 0).ID
		do(accept, 2, 0, party, join(party, 1, 1), join(0, 2, 2))
		both := join(party, 3, 1, 2)
		do(accept, 2, 0, party) // he is in it already
		do(invite, 1, 3, 0)
		do(accept, 3, 0, party, both)
		do(kick, 1, 2, 0, join(party, 4, 1, 2, 3))
		do(depart, 3, 0, 0, join(party, 5, 1, 3))

		// One who changes from one party to another.
		party = do(invite, 1, 3, 0).ID
		do(accept, 3, 0, party)
		other := do(invite, 6, 7, 0).ID
		do(accept, 7, 0, other)
		do(invite, 6, 3, 0)
		do(accept, 3, 0, other, join(party, 6, 1, 3), join(other, 7, 6, 7))

		// A match that they are asked about comes to nothing, and they do not wait again.
		ours, his := join(other, 8, 6, 7, 3), join(0, 9, 9)
		m := match(10, arena, ours, his)
		if missing, err := s.Claim(ctx, []Match{m}, 10*time.Second, 10*time.Second); err != nil || missing[0] != nil {
			t.Fatal(missing, err)
		}
		do(depart, 7, 0, 0)
		if is, ended, _, err := s.Resolve(ctx, m); is != undone || !slices.Equal(ended, []Ticket{ours}) || err != nil {
			t.Errorf("the match is %v, with %v, %v", is, ended, err)
		}
		if waiting := mustPoll(t, s, arena, 0).Tickets; !slices.Equal(waiting, []Ticket{his}) {
			t.Errorf("%v wait", waiting)
		}
	})
}
