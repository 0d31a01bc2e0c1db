package zone

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/pb"
)

// backfilled is a battle whose seats are open after 10 ticks, as long as 40 are left, and kept for 20.
func backfilled(n, teams, seconds int) *battle {
	cfg := testConfig()
	cfg.MatchSeconds = seconds
	cfg.Backfill = BackfillConfig{Away: 10 * tickEvery, Least: 40 * tickEvery, Reserve: 20 * tickEvery}
	b := newBattle(5, players(n), teams, cfg, 42, false)
	ratings := make([]int32, n)
	for i := range ratings {
		ratings[i] = int32(1000 + i)
	}
	b.offerSeats(ratings)
	return b
}

func steps(b *battle, n int) {
	for range n {
		b.step()
		b.tend()
	}
}

func TestSeatIsHandedOver(t *testing.T) {
	t.Parallel()
	for name, teams := range map[string]int{"everybody for himself": 0, "teams": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := backfilled(4, teams, 20)
			clients := make([]*fakeClient, 4)
			for i, p := range players(4) {
				clients[i] = newClient(uint64(i), 0)
				clients[i].join(t, b, p)
			}
			fight := func(n int) {
				for range n {
					for _, c := range clients {
						if c != nil {
							b.steer(c, c.act())
						}
					}
					steps(b, 1)
				}
			}
			fight(100)
			b.leave(clients[2])
			clients[2] = nil
			fight(9)
			if err := b.reserve(2, 77, 5000); err != errNotOpen {
				t.Fatalf("a seat whose player may come back: %v", err)
			}
			fight(1)
			ship := b.arena.Ships()[2]
			for range 2 { // the second answer is the first
				if err := b.reserve(2, 77, 5000); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.reserve(2, 78, 5001); err != errNotOpen {
				t.Errorf("the seat is kept for two: %v", err)
			}
			if _, err := b.join(1002, newClient(9, 0), 0); fault.CodeOf(err) != fault.FailedPrecondition {
				t.Errorf("he who has left comes back: %v", err)
			}
			filler := newClient(7, 0)
			joined := filler.join(t, b, 5000)
			if joined.GetShip() != 2 || joined.GetPlayers()[2] != 5000 || b.arena.Ships()[2].Score != 0 {
				t.Errorf("he who fills: %v", joined)
			}
			clients[2] = filler
			if err := b.reserve(2, 77, 5000); err != nil {
				t.Errorf("asked again when he has joined: %v", err)
			}
			for _, c := range []*fakeClient{clients[0], clients[1], clients[3]} {
				if len(c.seats) != 1 || c.seats[0].GetShip() != 2 || c.seats[0].GetPlayer() != 5000 {
					t.Errorf("another is told of %v", c.seats)
				}
			}
			for !b.arena.Done() {
				fight(1)
			}
			for _, c := range clients {
				if c.err != nil {
					t.Error(c.err)
				}
			}

			table := b.standings()
			if len(table) != 5 {
				t.Fatalf("%d rows", len(table))
			}
			for _, row := range table[:4] {
				if row.GetLeft() || row.GetFilled() != (row.GetPlayer() == 5000) || row.GetPlace() > 4 || row.GetPlayer() == 1002 {
					t.Errorf("row %v", row)
				}
			}
			last := table[4]
			if last.GetPlayer() != 1002 || !last.GetLeft() || last.GetPlace() != 5 || last.GetScore() != ship.Score || last.GetKills() != ship.Kills || (last.GetTeam() != 0) != (teams > 1) {
				t.Errorf("he who left comes last with what he had, %+v: %v", ship, last)
			}
			replay := b.tape.Replay()
			if replay.Checksum() != b.arena.Checksum() || !slices.Equal(replay.Result(), b.arena.Result()) {
				t.Error("the recording with a hand-over ends otherwise")
			}
			b.tape.HandOvers = nil
			if b.tape.Replay().Checksum() == b.arena.Checksum() {
				t.Error("the recording ends alike without the hand-over: the test does not test")
			}
		})
	}
}

// TestSeatOfNobody is of seats that are left and that nobody takes.
func TestSeatOfNobody(t *testing.T) {
	t.Parallel()
	b := backfilled(3, 0, 20)
	clients := []*fakeClient{newClient(0, 0), newClient(1, 0)}
	for i, c := range clients {
		c.join(t, b, api.PlayerID(1000+i))
	}
	b.leave(clients[1])
	steps(b, 50)
	if !b.seats[1].open || b.seats[2].open {
		t.Fatal("the seat of one who has not come yet is open, or that of one who has left is not")
	}
	if err := b.reserve(1, 77, 5000); err != nil {
		t.Fatal(err)
	}
	steps(b, 20)
	if err := b.reserve(1, 77, 5000); err != errTooLate {
		t.Errorf("what was not taken up in time: %v", err)
	}
	if _, err := b.join(5000, newClient(5, 0), 0); err != errGiven {
		t.Errorf("he comes too late: %v", err)
	}
	clients[1].join(t, b, 1001) // nobody has it: it is still his
	if b.seats[1].open {
		t.Error("the seat of one who is back is open")
	}
	b.leave(clients[1])
	steps(b, 20)
	b.leave(clients[0])
	if b.free(&b.seats[1]) {
		t.Error("somebody would come into a battle in which nobody is")
	}
	clients[0].join(t, b, 1000)
	for !b.arena.Done() {
		steps(b, 1)
	}
	table := b.standings()
	if len(table) != 3 || table[2].GetPlayer() != 1001 || !table[2].GetLeft() || table[2].GetPlace() != 3 {
		t.Errorf("the table: %v", table)
	}
}

// TestSeatsRandom compares the seats of a battle with a plain model of them, over random operations.
func TestSeatsRandom(t *testing.T) {
	t.Parallel()
	type model struct {
		holder   api.PlayerID
		here     bool
		came     bool
		away     int
		open     bool
		by       api.MatchID // the holder's fill
		reserved api.MatchID
		for_     api.PlayerID
		until    int
	}
	handedOver, lapses, comebacks := 0, 0, 0
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		const n, ticks = 3, 600
		b := backfilled(n, 0, ticks/20)
		seats := make([]model, n)
		for i, p := range players(n) {
			seats[i].holder = p
		}
		clients := map[api.PlayerID]*fakeClient{}
		out := map[api.PlayerID]bool{} // cannot come again
		var gone []api.PlayerID
		fills := []struct {
			fill   api.MatchID
			seat   int
			player api.PlayerID
		}{{}}
		check := func(what string, err error, want bool) {
			t.Helper()
			if (err == nil) != want {
				t.Fatalf("seed %d, tick %d: %s: %v, want %v", seed, b.arena.Tick(), what, err, want)
			}
		}
		anybody := func() bool { return slices.ContainsFunc(seats, func(m model) bool { return m.here }) }
		worth := func() bool { return ticks-b.arena.Tick() >= 40 && anybody() }
		for b.arena.Tick() < ticks {
			p := api.PlayerID(1000 + rnd.IntN(n))
			if rnd.IntN(2) == 0 {
				p = api.PlayerID(5000 + rnd.IntN(30))
			}
			switch rnd.IntN(8) {
			case 0, 1: // join
				at := slices.IndexFunc(seats, func(m model) bool { return m.reserved != 0 && m.for_ == p })
				takes := at >= 0
				if !takes {
					at = slices.IndexFunc(seats, func(m model) bool { return m.holder == p && m.reserved == 0 })
				}
				c := newClient(seed, 1)
				_, err := b.join(p, c, 0)
				check(fmt.Sprintf("player %d joins", p), err, at >= 0)
				if at < 0 {
					continue
				}
				m := &seats[at]
				if takes {
					handedOver++
					gone = append(gone, m.holder)
					out[m.holder] = true
					*m = model{holder: p, by: m.reserved}
				} else if m.open {
					comebacks++
				}
				m.here, m.came, m.open = true, true, false
				clients[p] = c
			case 2: // leave
				at := slices.IndexFunc(seats, func(m model) bool { return m.holder == p && m.here })
				if at < 0 {
					continue
				}
				b.leave(clients[p])
				seats[at].here, seats[at].away = false, b.arena.Tick()
			case 3, 4: // fill, a new one or one again
				f := fills[rnd.IntN(len(fills))]
				if f.fill == 0 || rnd.IntN(2) == 0 {
					f.fill, f.seat, f.player = api.MatchID(100+len(fills)), rnd.IntN(n), p
				}
				m := &seats[f.seat]
				again := m.reserved == f.fill || m.by == f.fill
				fresh := !again && m.open && m.reserved == 0 && worth() && !out[f.player] &&
					!slices.ContainsFunc(seats, func(m model) bool { return m.holder == f.player || m.reserved != 0 && m.for_ == f.player })
				check(fmt.Sprintf("fill %d of seat %d for %d", f.fill, f.seat, f.player), b.reserve(f.seat, f.fill, f.player), again || fresh)
				if fresh {
					m.reserved, m.for_, m.until = f.fill, f.player, b.arena.Tick()+20
					fills = append(fills, f)
				}
			default:
				b.step()
				lapsed := b.tend()
				for i := range seats {
					m := &seats[i]
					if m.reserved != 0 && b.arena.Tick() >= m.until {
						lapses++
						out[m.for_] = true
						if len(lapsed) == 0 || lapsed[0].fill != m.reserved {
							t.Fatalf("seed %d: %v lapsed, want fill %d", seed, lapsed, m.reserved)
						}
						lapsed = lapsed[1:]
						m.reserved = 0
					}
					if !m.open && m.came && !m.here && b.arena.Tick()-m.away >= 10 && worth() {
						m.open = true
					}
				}
				if len(lapsed) > 0 {
					t.Fatalf("seed %d: %v lapsed besides", seed, lapsed)
				}
			}
			for i, m := range seats {
				s := &b.seats[i]
				if s.player != m.holder || s.open != m.open || s.reserved.fill != m.reserved || b.free(s) != (m.open && m.reserved == 0 && worth()) {
					t.Fatalf("seed %d, tick %d: seat %d is %+v, want %+v", seed, b.arena.Tick(), i, *s, m)
				}
			}
		}
		seen := map[int64]bool{}
		for _, row := range b.standings() {
			if seen[row.GetPlayer()] {
				t.Fatalf("seed %d: player %d is in the table twice", seed, row.GetPlayer())
			}
			seen[row.GetPlayer()] = true
			at := slices.IndexFunc(seats, func(m model) bool { return int64(m.holder) == row.GetPlayer() })
			if left := at < 0 || seats[at].open; row.GetLeft() != left {
				t.Errorf("seed %d: %v, left: %v", seed, row, left)
			}
		}
		if len(seen) != n+len(gone) {
			t.Errorf("seed %d: %d rows, want those of %d seats and of %d who have left", seed, len(seen), n, len(gone))
		}
		if replay := b.tape.Replay(); replay.Checksum() != b.arena.Checksum() {
			t.Errorf("seed %d: the replay differs", seed)
		}
	}
	if handedOver < 20 || lapses < 20 || comebacks < 20 {
		t.Errorf("%d seats handed over, %d reservations lapsed, %d players came back: the test does not test", handedOver, lapses, comebacks)
	}
}

func backfillConfig(c *Config) {
	c.MatchSeconds = 10
	c.Backfill = BackfillConfig{Away: time.Second, Least: 2 * time.Second, Reserve: 2 * time.Second}
}

// createFilled makes the room of n players whose seats are offered, all of whom join.
func (w *world) createFilled(match int64, mode string, n int) []*watched {
	w.t.Helper()
	m := request(match, n)
	m.Mode, m.Backfill, m.Ratings = mode, true, make([]int32, n)
	if _, err := w.zone.createRoom(context.Background(), m); err != nil {
		w.t.Fatal(err)
	}
	return w.fill(match, n)
}

func (w *world) leave(match int64, c *watched) {
	w.t.Helper()
	ref, _ := w.zone.rooms.Get(api.MatchID(match))
	if _, err := actor.Ask(context.Background(), ref, &leaveMsg{client: c}); err != nil {
		w.t.Fatal(err)
	}
}

// leaveMsg is what a session that is gone tells.
type leaveMsg struct {
	actor.Returns[*pb.Done]
	client *watched
}

func TestRoomIsFilled(t *testing.T) {
	inWorld(t, backfillConfig, func(t *testing.T, w *world) {
		ctx := t.Context()
		go w.zone.offerPlaces(ctx)
		clients := w.createFilled(7, "arena", 2)
		if _, err := w.zone.fillSeat(ctx, &pb.FillSeat{Room: 8, Fill: 9, Player: 5000}); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("no such room: %v", err)
		}
		w.leave(7, clients[1])
		if w.pass(900 * time.Millisecond); len(w.zone.board.offers()) != 0 {
			t.Error("the seat is offered before its player has been away for long enough")
		}
		w.pass(2700 * time.Millisecond) // at 3.6 s: it was offered once, at least
		if len(w.offers) == 0 {
			t.Fatal("the open seat is not offered")
		}
		if o := w.offers[0]; o.GetMode() != "arena" || o.GetArea() != 3 || len(o.GetPlaces()) != 1 || o.GetPlaces()[0].GetSeat() != 1 || o.GetPlaces()[0].GetRoom() != 7 ||
			!slices.Equal(o.GetPlaces()[0].GetBarred(), []int64{1001}) {
			t.Errorf("offered: %v", o)
		}
		late, err := w.zone.fillSeat(ctx, &pb.FillSeat{Room: 7, Seat: 1, Fill: 90, Player: 5000})
		if err != nil || !slices.Equal(late.GetPlayers(), []int64{1000, 5000}) {
			t.Fatalf("fill: %v, %v", late, err)
		}
		if len(w.zone.board.offers()) != 0 {
			t.Error("the seat is offered while it is kept for somebody")
		}
		w.pass(2100 * time.Millisecond)
		if w.mu.Lock(); !slices.Equal(w.unmatch, []int64{5000}) {
			t.Errorf("he who did not come in time is not told: %v", w.unmatch)
		}
		w.mu.Unlock()
		if _, err := w.zone.fillSeat(ctx, &pb.FillSeat{Room: 7, Seat: 1, Fill: 91, Player: 5001}); err != nil {
			t.Fatal(err)
		}
		left := func(player int64) bool {
			t.Helper()
			said, err := w.zone.hasRoom(ctx, &pb.HasRoom{Room: 7, Player: player})
			if err != nil || !said.GetHere() {
				t.Errorf("player %d: %v, %v", player, said, err)
			}
			return said.GetLeft()
		}
		if left(1001) {
			t.Error("he has left for good while he may come back")
		}
		if _, err := w.join(7, 5001); err != nil {
			t.Fatal(err)
		}
		if !left(1001) || left(1000) || left(5001) {
			t.Error("it is not known who has left for good")
		}
		w.pass(10 * time.Second)
		if _, err := w.zone.fillSeat(ctx, &pb.FillSeat{Room: 7, Seat: 1, Fill: 91, Player: 5001}); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("the battle is over: %v", err)
		}
		if len(w.recorded) != 1 {
			t.Fatalf("%d results", len(w.recorded))
		}
		var rows []string
		for _, s := range w.recorded[0].GetStandings() {
			rows = append(rows, fmt.Sprint(s.GetPlayer(), s.GetLeft(), s.GetFilled()))
		}
		slices.Sort(rows)
		if want := []string{"1000 false false", "1001 true false", "5001 false true"}; !slices.Equal(rows, want) {
			t.Errorf("recorded %v, want %v", rows, want)
		}
		slices.Sort(w.finish)
		if !slices.Equal(w.finish, []int64{1000, 1001, 5001}) || !slices.Equal(w.unmatch, []int64{5000}) {
			t.Errorf("told of the end: %v, of none: %v", w.finish, w.unmatch)
		}
		if w.tape.Replay().Checksum() == 0 || len(w.tape.HandOvers) != 1 {
			t.Errorf("hand-overs: %v", w.tape.HandOvers)
		}
	})
}

// TestRoomEndsWhileSeatIsKept has the battle end before he who was put on a seat comes.
func TestRoomEndsWhileSeatIsKept(t *testing.T) {
	inWorld(t, func(c *Config) { backfillConfig(c); c.Backfill.Reserve = time.Minute }, func(t *testing.T, w *world) {
		clients := w.createFilled(7, "arena", 2)
		w.leave(7, clients[1])
		w.pass(1100 * time.Millisecond)
		if _, err := w.zone.fillSeat(t.Context(), &pb.FillSeat{Room: 7, Seat: 1, Fill: 90, Player: 5000}); err != nil {
			t.Fatal(err)
		}
		w.pass(10 * time.Second)
		slices.Sort(w.finish)
		if !slices.Equal(w.finish, []int64{1000, 1001}) || !slices.Equal(w.unmatch, []int64{5000}) {
			t.Errorf("told of the end: %v, of none: %v", w.finish, w.unmatch)
		}
	})
}

// TestFramesAreNotFilled has the zone refuse what the modes' table should not have said.
func TestFramesAreNotFilled(t *testing.T) {
	inWorld(t, backfillConfig, func(t *testing.T, w *world) {
		clients := w.createFilled(7, "duel-frame", 2)
		w.leave(7, clients[1])
		w.pass(3 * time.Second)
		if _, err := w.zone.fillSeat(t.Context(), &pb.FillSeat{Room: 7, Seat: 1, Fill: 90, Player: 5000}); fault.CodeOf(err) != fault.FailedPrecondition {
			t.Errorf("fill: %v", err)
		}
	})
}
