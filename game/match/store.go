package match

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/framework/fault"
	"loumiao/game/api"
)

// Redis is what a Store needs of the process's stores.
type Redis interface {
	Redis() redis.UniversalClient
	Key(parts ...string) string
}

// What a Store can say no to.
var (
	ErrOtherMode    = fault.New(fault.FailedPrecondition, "the player waits for a match of another mode")
	ErrBusy         = fault.New(fault.FailedPrecondition, "somebody of the party has a ticket already")
	ErrPartyChanged = fault.New(fault.FailedPrecondition, "the party has changed meanwhile")
	ErrNoTicket     = fault.New(fault.NotFound, "no such ticket")
	ErrNotAsked     = fault.New(fault.NotFound, "the match does not wait for an answer")
	// ErrLost: somebody else holds the match now, or it is over.
	ErrLost = errors.New("match: held by another node now")
)

const (
	remember  = time.Minute // how long it is known how a ticket ended
	pollPage  = 5000        // tickets read at once: Redis serves nobody else meanwhile
	claimPage = 64          // claims sent at once
	answered  = time.Hour   // how long answers are kept at most: longer than anybody is asked
)

// A Pool is where tickets wait: one for each area and mode.
type Pool struct {
	Area api.Area
	Mode string
}

// A Store is the tickets and matches in Redis. It is safe for concurrent use.
type Store struct {
	client redis.UniversalClient
	key    func(parts ...string) string
	now    func() int64 // milliseconds; 0: Redis's own clock

	joins, commits, frees *batch
}

// NewStore uses the given Redis and its clock.
func NewStore(r Redis) *Store {
	return &Store{
		client: r.Redis(), key: r.Key, now: func() int64 { return 0 },
		joins:   newBatch(r.Redis(), joinScript),
		commits: newBatch(r.Redis(), commitScript),
		frees:   newBatch(r.Redis(), freeScript),
	}
}

func (s *Store) at(area api.Area, parts ...string) string {
	return s.key(append([]string{"{match:" + area.String() + "}"}, parts...)...)
}

func (s *Store) pool(p Pool) string { return s.at(p.Area, "pool", p.Mode) }

func (s *Store) gone(area api.Area, t api.TicketID) string { return s.at(area, "gone", t.String()) }

// Join puts a new ticket into the pool and returns its id, or that of the ticket which the player has there already, also when a match has
// been made of it that the player has not heard of. party is the id of t.Player's party, 0 for none, which has to be as t says. [ErrOtherMode] when he has a ticket in another
// mode, [ErrBusy] when somebody of a party has another than the party's, [ErrPartyChanged] when his party is another or not those players. t.Joined is not used.
func (s *Store) Join(ctx context.Context, p Pool, t Ticket, party int64) (api.TicketID, error) {
	reply, err := s.joins.do(ctx, []string{s.at(p.Area, "tickets"), s.pool(p), s.at(p.Area, "sequence"), s.at(p.Area, "party")},
		t.appendPlayers(nil), int64(t.ID), p.Mode, t.Rating, s.now(), party)
	var held []string
	if err == nil {
		held, err = reply.StringSlice()
	}
	if err != nil {
		return 0, fmt.Errorf("join pool %v of area %v: %w", p.Mode, p.Area, err)
	}
	if len(held) == 0 {
		return 0, ErrPartyChanged
	}
	if len(held) != 3 {
		return 0, fmt.Errorf("player %v of area %v: the ticket in Redis is damaged", t.Player, p.Area)
	}
	if held[0] != p.Mode {
		return 0, ErrOtherMode
	}
	if t.size() > 1 && held[2] != string(t.appendPlayers(nil)) {
		return 0, ErrBusy
	}
	n, err := strconv.ParseInt(held[1], 10, 64)
	return api.TicketID(n), err
}

// Cancel takes the player's ticket out of its pool, for all of his party; ticket 0 is whichever he has. While he is asked whether he accepts a match, it is a no. True: the
// ticket is in no match and never will be. False: too late, a match has been made of it. Both answers stay the same for a minute after the ticket's end, for those who ask again; then, and for a
// ticket that never was, it is [ErrNoTicket].
func (s *Store) Cancel(ctx context.Context, area api.Area, player api.PlayerID, ticket api.TicketID) (bool, error) {
	_, won, err := s.cancel(ctx, area, player, ticket)
	return won, err
}

// cancel is Cancel; it also returns the ticket, if it was this call that took it out.
func (s *Store) cancel(ctx context.Context, area api.Area, player api.PlayerID, ticket api.TicketID) (Ticket, bool, error) {
	var none Ticket
	for {
		var held, gone *redis.StringCmd
		_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			held = pipe.HGet(ctx, s.at(area, "tickets"), player.String())
			gone = pipe.Get(ctx, s.gone(area, ticket))
			return nil
		})
		if err != nil && !errors.Is(err, redis.Nil) {
			return none, false, fmt.Errorf("cancel ticket %v: %w", ticket, err)
		}
		fields := strings.Fields(held.Val())
		var t Ticket
		if len(fields) >= 2 {
			if t, err = parseTicket(fields[1]); err != nil {
				return none, false, err
			}
		}
		switch {
		case t.ID == 0 || ticket != 0 && t.ID != ticket: // not live
			if gone.Val() == "" {
				return none, false, ErrNoTicket
			}
			return none, gone.Val() == "0", nil
		case len(fields) == 3:
			no, err := s.decline(ctx, area, fields[2], player)
			return none, no, err
		}
		won, err := s.Withdraw(ctx, Pool{area, fields[0]}, []Ticket{t})
		if err != nil || won[0] {
			return t, err == nil, err
		}
		// It was claimed, or put back, or cancelled in between: look again.
	}
}

// Withdraw takes tickets out of the pool that still wait there, and says for each whether it did.
func (s *Store) Withdraw(ctx context.Context, p Pool, tickets []Ticket) ([]bool, error) {
	keys := []string{s.at(p.Area, "tickets"), s.pool(p)}
	args := []any{remember.Milliseconds()}
	for _, t := range tickets {
		keys = append(keys, s.gone(p.Area, t.ID))
		args = append(args, p.Mode, t.appendPlayers(nil), t.String())
	}
	done, err := withdrawScript.Run(ctx, s.client, keys, args...).BoolSlice()
	if err != nil {
		return nil, fmt.Errorf("withdraw tickets: %w", err)
	}
	return done, nil
}

// A Poll is what is new in a pool.
type Poll struct {
	Leading bool // false: another node runs this pool's passes, and the rest is empty
	Now     int64
	Last    uint64 // the newest sequence number given out
	Size    int
	Tickets []Ticket
	Read    uint64 // the number of the last of Tickets, to go on from
}

// Poll asks for a pool's lead, keeps it for another ttl, and reads tickets with numbers after the given one, at most [pollPage].
func (s *Store) Poll(ctx context.Context, p Pool, self string, ttl time.Duration, after uint64) (Poll, error) {
	reply, err := pollScript.Run(ctx, s.client,
		[]string{s.pool(p), s.at(p.Area, "sequence"), s.at(p.Area, "lead", p.Mode)},
		self, ttl.Milliseconds(), after, pollPage, s.now()).Slice()
	if err != nil {
		return Poll{}, fmt.Errorf("poll pool %v of area %v: %w", p.Mode, p.Area, err)
	}
	var r replies
	out := Poll{
		Leading: r.int(reply, 0) == 1,
		Now:     r.int(reply, 1),
		Last:    uint64(r.int(reply, 2)),
		Size:    int(r.int(reply, 3)),
		Read:    after,
	}
	found := r.list(reply, 4)
	for i := 0; i+1 < len(found); i += 2 {
		t, err := parseTicket(r.string(found, i))
		r.fail(err)
		out.Read = uint64(r.int(found, i+1))
		out.Tickets = append(out.Tickets, t)
	}
	if r.err != nil {
		return Poll{}, fmt.Errorf("poll pool %v of area %v: %w", p.Mode, p.Area, r.err)
	}
	return out, nil
}

// Resign gives a pool's lead up, so that another node may take it at once.
func (s *Store) Resign(ctx context.Context, p Pool, self string) error {
	return resignScript.Run(ctx, s.client, []string{s.at(p.Area, "lead", p.Mode)}, self).Err()
}

// Claim makes matches of groups, each whole or not at all. The tickets of a match that was not made because some of them do not wait any more are
// returned in its place; nil for one that was made. After an error matches may have been made: their records become due.
//
// accept is how long the players are asked whether they accept a match, see [Store.Resolve]; 0: they are not.
func (s *Store) Claim(ctx context.Context, matches []Match, lease, accept time.Duration) ([][]Ticket, error) {
	missing := make([][]Ticket, len(matches))
	for from := 0; from < len(matches); from += claimPage {
		page := matches[from:min(from+claimPage, len(matches))]
		if err := s.claimPage(ctx, page, lease, accept, missing[from:]); err != nil {
			return nil, fmt.Errorf("claim tickets: %w", err)
		}
	}
	return missing, nil
}

func (s *Store) claimPage(ctx context.Context, page []Match, lease, accept time.Duration, missing [][]Ticket) error {
	runs := make([]*run, len(page))
	for i, m := range page {
		args := make([]any, 0, 8+len(m.Tickets))
		args = append(args, int64(m.ID), m.Holder, int(m.Zone), m.Mode, lease.Milliseconds(), s.now(), m.Teams, accept.Milliseconds())
		for _, t := range m.Tickets {
			args = append(args, t.String())
		}
		runs[i] = &run{args: args, keys: []string{s.at(m.Area, "tickets"), s.pool(m.Pool), s.at(m.Area, "matches"), s.at(m.Area, "due")}}
	}
	runAll(ctx, s.client, claimScript, runs)
	for i, r := range runs {
		places, err := r.reply.Int64Slice()
		if err != nil {
			return err
		}
		for _, at := range places {
			missing[i] = append(missing[i], page[i].Tickets[at])
		}
	}
	return nil
}

// Commit makes a claimed match final: from now on its tickets can only be in this one. [ErrLost] when m.Holder does not hold it.
func (s *Store) Commit(ctx context.Context, m Match, lease time.Duration) error {
	return held(s.commits.do(ctx, []string{s.at(m.Area, "matches"), s.at(m.Area, "due")},
		int64(m.ID), m.Holder, lease.Milliseconds(), s.now()))
}

// Release undoes a claim: the tickets that have not ended wait again, as old as they are, and a place is open again once its zone offers it. [ErrLost] when m.Holder does not hold the match, or it is final.
func (s *Store) Release(ctx context.Context, m Match) error {
	return held(releaseScript.Run(ctx, s.client, []string{
		s.at(m.Area, "matches"), s.at(m.Area, "due"), s.at(m.Area, "tickets"), s.pool(m.Pool), s.at(m.Area, "sequence"), s.filling(m.Pool),
	}, int64(m.ID), m.Holder), nil)
}

// Finish forgets a match that all its players know of, or will not be told of any more: they may join again. [ErrLost] when m.Holder does not hold it.
func (s *Store) Finish(ctx context.Context, m Match) error {
	return s.free(ctx, m, m.Tickets, Ticket.appendPlayers, 0)
}

// Free has those join again who know of the match, each the player of his ticket, and keeps the match for its others, who still have their tickets. [ErrLost] when m.Holder does not
// hold it.
func (s *Store) Free(ctx context.Context, m Match, told []Ticket, lease time.Duration) error {
	return s.free(ctx, m, told, func(t Ticket, b []byte) []byte { return strconv.AppendInt(b, int64(t.Player), 10) }, lease)
}

func (s *Store) free(ctx context.Context, m Match, tickets []Ticket, who func(Ticket, []byte) []byte, lease time.Duration) error {
	keys := []string{s.at(m.Area, "matches"), s.at(m.Area, "due"), s.at(m.Area, "tickets")}
	args := []any{int64(m.ID), m.Holder, remember.Milliseconds(), lease.Milliseconds(), s.now()}
	for _, t := range tickets {
		keys = append(keys, s.gone(m.Area, t.ID))
		args = append(args, who(t, nil))
	}
	return held(s.frees.do(ctx, keys, args...))
}

// Untold is those of a match's players who have not been freed, each the player of his ticket.
func (s *Store) Untold(ctx context.Context, m Match) ([]Ticket, error) {
	players := each(m.Tickets)
	names := make([]string, len(players))
	for i, t := range players {
		names[i] = t.Player.String()
	}
	held, err := s.client.HMGet(ctx, s.at(m.Area, "tickets"), names...).Result()
	if err != nil {
		return nil, fmt.Errorf("look who is in match %v: %w", m.ID, err)
	}
	var untold []Ticket
	for i, t := range players {
		entry, _ := held[i].(string)
		if f := strings.Fields(entry); len(f) == 3 && f[2] == m.ID.String() {
			untold = append(untold, t)
		}
	}
	return untold, nil
}

func held(cmd *redis.Cmd, err error) error {
	if err != nil {
		return err
	}
	ok, err := cmd.Bool()
	if err != nil {
		return err
	}
	if !ok {
		return ErrLost
	}
	return nil
}

// TakeOver makes holder the holder of up to limit matches whose own holder has let their deadline pass. It also returns the clock by which
// they were due.
func (s *Store) TakeOver(ctx context.Context, area api.Area, holder string, lease time.Duration, limit int) ([]Match, int64, error) {
	reply, err := takeOverScript.Run(ctx, s.client, []string{s.at(area, "matches"), s.at(area, "due")},
		holder, lease.Milliseconds(), limit, s.now()).Slice()
	if err != nil {
		return nil, 0, fmt.Errorf("take matches over: %w", err)
	}
	var r replies
	now := r.int(reply, 0)
	var out []Match
	for i := 1; i+1 < len(reply); i += 2 {
		m, err := parseMatch(area, r.string(reply, i+1))
		r.fail(err)
		m.ID = api.MatchID(r.int(reply, i))
		out = append(out, m)
	}
	return out, now, r.err
}

// Lost is those of the tickets that Redis has never heard of: they do not wait, are in no match, and have not ended within the last minute.
func (s *Store) Lost(ctx context.Context, area api.Area, tickets []Ticket) ([]Ticket, error) {
	var lost []Ticket
	for page := range slices.Chunk(tickets, 500) {
		live, gone := make([]*redis.StringCmd, len(page)), make([]*redis.StringCmd, len(page))
		_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for i, t := range page {
				live[i] = pipe.HGet(ctx, s.at(area, "tickets"), t.Player.String())
				gone[i] = pipe.Get(ctx, s.gone(area, t.ID))
			}
			return nil
		})
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("look for tickets: %w", err)
		}
		for i, t := range page {
			if gone[i].Val() == "" && !slices.Contains(strings.Fields(live[i].Val()), t.String()) {
				lost = append(lost, t)
			}
		}
	}
	return lost, nil
}

// AddArea notes that the area has players who want matches, so that nodes which serve all areas look there.
func (s *Store) AddArea(ctx context.Context, area api.Area) error {
	return s.client.SAdd(ctx, s.key("match", "areas"), area.String()).Err()
}

// Areas is the areas that AddArea has noted.
func (s *Store) Areas(ctx context.Context) ([]api.Area, error) {
	names, err := s.client.SMembers(ctx, s.key("match", "areas")).Result()
	if err != nil {
		return nil, fmt.Errorf("read the areas: %w", err)
	}
	out := make([]api.Area, 0, len(names))
	for _, name := range names {
		if a, err := api.ParseArea(name); err == nil {
			out = append(out, a)
		}
	}
	return out, nil
}
