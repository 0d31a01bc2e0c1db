package match

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"loumiao/game/api"
)

// A verdict is what has become of a match that its players are asked about.
type verdict int

const (
	undecided verdict = 0
	accepted  verdict = 1
	undone    verdict = 2
)

func (s *Store) answers(area api.Area, match string) string { return s.at(area, "answers", match) }

// Answer notes whether a player accepts a match, and returns what stands: the first answer does, but a yes may become a no while others have not said theirs. With a no his
// ticket has ended, also for his party: they may join again at once. [ErrNotAsked] when it is too late, or he was never asked.
func (s *Store) Answer(ctx context.Context, area api.Area, match api.MatchID, player api.PlayerID, accept bool) (bool, error) {
	stands, err := s.answer(ctx, area, match.String(), player, accept)
	switch {
	case err != nil:
		return false, fmt.Errorf("answer about match %v: %w", match, err)
	case stands < 0:
		return false, ErrNotAsked
	}
	return stands == 1, nil
}

// decline says no to a match, and reports whether that was in time.
func (s *Store) decline(ctx context.Context, area api.Area, match string, player api.PlayerID) (bool, error) {
	stands, err := s.answer(ctx, area, match, player, false)
	if err != nil {
		return false, fmt.Errorf("decline match %v: %w", match, err)
	}
	return stands == 0, nil
}

func (s *Store) answer(ctx context.Context, area api.Area, match string, player api.PlayerID, accept bool) (int64, error) {
	yes := 0
	if accept {
		yes = 1
	}
	return answerScript.Run(ctx, s.client, []string{s.at(area, "matches"), s.answers(area, match), s.at(area, "tickets"), s.at(area, "gone")},
		match, int64(player), yes, s.now(), answered.Milliseconds(), remember.Milliseconds()).Int64()
}

// Resolve decides about a match that its players are asked about, see Match.Until, by their answers and the clock, which it returns too. Undone: it is no more, the tickets it
// returns have ended with it, and the others wait again, as old as they are. Accepted: nobody can take that back. [ErrLost] when m.Holder does not hold the match.
func (s *Store) Resolve(ctx context.Context, m Match) (is verdict, ended []Ticket, now int64, err error) {
	keys := []string{
		s.at(m.Area, "matches"), s.at(m.Area, "due"), s.at(m.Area, "tickets"), s.pool(m.Pool), s.at(m.Area, "sequence"), s.answers(m.Area, m.ID.String()),
	}
	for _, t := range m.Tickets {
		keys = append(keys, s.gone(m.Area, t.ID))
	}
	cmd := resolveScript.Run(ctx, s.client, keys, int64(m.ID), m.Holder, s.now(), remember.Milliseconds())
	return readVerdict(m, cmd)
}

func readVerdict(m Match, cmd *redis.Cmd) (is verdict, ended []Ticket, now int64, err error) {
	reply, err := cmd.Slice()
	if err != nil {
		return 0, nil, 0, fmt.Errorf("resolve match %v: %w", m.ID, err)
	}
	var r replies
	now, is = r.int(reply, 0), verdict(r.int(reply, 1))
	for i := 2; i < len(reply); i++ {
		at := r.int(reply, i)
		if at < 0 || at >= int64(len(m.Tickets)) {
			r.fail(fmt.Errorf("ticket %d of a match of %d", at, len(m.Tickets)))
			break
		}
		ended = append(ended, m.Tickets[at])
	}
	switch {
	case r.err != nil:
		return 0, nil, 0, fmt.Errorf("resolve match %v: %w", m.ID, r.err)
	case is < 0:
		return 0, nil, now, ErrLost
	}
	return is, ended, now, nil
}

// resolveEvery is the pause between two looks at the answers to a match.
const resolveEvery = 200 * time.Millisecond

// ask has the match's players asked whether they accept it, and reports whether all do. Otherwise the match is no more, and everybody has been told.
func (a *assigner) ask(ctx context.Context, m Match) (bool, error) {
	is, ended, now, err := a.store.Resolve(ctx, m) // it may have been taken over, with answers
	if err != nil {
		return false, err
	}
	if is == undecided {
		asking, enough := context.WithCancel(ctx)
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			a.tellAll(asking, each(m.Tickets), func(ctx context.Context, t Ticket) error {
				return a.mesh.Proposed(ctx, m, t, time.Duration(m.Until-now)*time.Millisecond)
			})
		}()
		for is == undecided && err == nil {
			if !sleep(ctx, resolveEvery) {
				err = errStopping
				break
			}
			is, ended, _, err = a.store.Resolve(ctx, m)
		}
		enough()
		<-asked // first: so that nobody is asked after he was told that it is over
	}
	if err != nil || is == accepted {
		return is == accepted && err == nil, err
	}
	a.stats.declined.Inc()
	out := map[api.TicketID]bool{}
	for _, t := range ended {
		out[t.ID] = true
	}
	over := func(ctx context.Context, t Ticket) error {
		if out[t.ID] {
			return a.mesh.Unmatched(ctx, t, reasonDeclined)
		}
		return a.mesh.Proposed(ctx, m, t, 0)
	}
	_, late := a.tellAll(ctx, each(m.Tickets), over)
	a.tellLate(late, over, nil)
	return false, nil
}
