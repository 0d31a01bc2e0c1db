package match

import (
	"slices"
	"time"
)

// lookAround is how many neighbours a ticket looks at for each place in its group. It bounds a pass to a multiple of the pool's size; who is
// not found behind so many that do not fit is found in a later pass, when windows are wider.
const lookAround = 4

// A former forms groups. It keeps its memory from pass to pass; one goroutine uses it at a time. The zero former is ready.
type former struct {
	byRating   []uint64 // rating, biased to sort unsigned, <<32 | index into waiting
	place      []int32  // index into waiting -> place in byRating
	prev, next []int32  // neighbours by place that are in no group yet; a sentinel stands at both ends
	taken      []bool   // by index into waiting
	group      []int32
	size       int   // players in group
	team       []int // the team of each of group
	free       []int // places by team
}

// form puts tickets into groups, at most limit of them. waiting is sorted by age, the oldest first, and is not changed.
//
// The oldest ticket goes first and takes its nearest neighbours by rating, as long as every ticket of the group lies in the window of
// every other. That is a full group, or, when the oldest has lost its patience, a smaller one of at least MinPlayers. A ticket
// that gets no group leaves its neighbours to the next. So nobody is passed over for a younger one with the same neighbours. For a ticket that is starving, windows do not
// count: it goes with its nearest neighbours, so that it waits for no more than enough others, of any rating.
//
// With teams, a ticket comes into the team that it fills best, and when the group is complete tickets of one size change places until the teams are as even as that
// makes them. The tickets of a group are returned team by team.
func (f *former) form(waiting []Ticket, now int64, mode Mode, limit int) []Group {
	n := len(waiting)
	f.reset(waiting)

	var groups []Group
	for seed := range n {
		if len(groups) >= limit {
			break
		}
		if f.taken[seed] {
			continue
		}
		f.gather(waiting, int32(seed), now, mode)
		patient := now-waiting[seed].Joined < mode.Patience.Milliseconds()
		if f.size < mode.Players && (patient || f.size < mode.MinPlayers) {
			continue
		}
		groups = append(groups, f.split(waiting, mode))
		for _, at := range f.group {
			f.take(at)
		}
	}
	return groups
}

// seat puts a ticket of so many players into the team that it leaves the fewest places in, the first of several. false: there is no room for it.
func (f *former) seat(i int32, size int) bool {
	best := -1
	for team, free := range f.free {
		if free >= size && (best < 0 || free < f.free[best]) {
			best = team
		}
	}
	if best < 0 {
		return false
	}
	f.free[best] -= size
	f.size += size
	f.group, f.team = append(f.group, i), append(f.team, best)
	return true
}

// split is the group's tickets, team by team.
func (f *former) split(waiting []Ticket, mode Mode) Group {
	group := make(Group, 0, len(f.group))
	if mode.Teams > 1 {
		f.even(waiting)
	}
	for team := range f.free {
		for i, at := range f.group {
			if f.team[i] == team {
				group = append(group, waiting[at])
			}
		}
	}
	return group
}

// even has tickets of one size change teams while that brings the teams' ratings closer together.
func (f *former) even(waiting []Ticket) {
	sums := make([]int64, len(f.free)) // of the ratings of each team's players
	weight := func(i int) int64 {
		t := &waiting[f.group[i]]
		return int64(t.Rating) * int64(t.size())
	}
	for i, team := range f.team {
		sums[team] += weight(i)
	}
	for better := true; better; { // ends: the sum of the squares of sums falls each time
		better = false
		for i := range f.group {
			for j := range i {
				a, b, d := f.team[i], f.team[j], weight(i)-weight(j)
				// Moving d from team a to b changes the sum of the squares by 2d(d - (sums[a] - sums[b])).
				if a == b || waiting[f.group[i]].size() != waiting[f.group[j]].size() || d*(d-(sums[a]-sums[b])) >= 0 {
					continue
				}
				f.team[i], f.team[j] = b, a
				sums[a], sums[b] = sums[a]-d, sums[b]+d
				better = true
			}
		}
	}
}

// reset sorts waiting by rating, and by age within a rating, and links the neighbours.
func (f *former) reset(waiting []Ticket) {
	n := len(waiting)
	f.byRating = slices.Grow(f.byRating[:0], n)
	f.place = slices.Grow(f.place[:0], n)[:n]
	f.taken = slices.Grow(f.taken[:0], n)[:n]
	f.prev = slices.Grow(f.prev[:0], n+2)[:n+2]
	f.next = slices.Grow(f.next[:0], n+2)[:n+2]
	clear(f.taken)
	for i, t := range waiting {
		f.byRating = append(f.byRating, uint64(uint32(t.Rating)^1<<31)<<32|uint64(uint32(i)))
	}
	slices.Sort(f.byRating)
	for at, key := range f.byRating {
		f.place[uint32(key)] = int32(at + 1) // places start at 1: 0 and n+1 are the sentinels
	}
	for at := range n + 2 {
		f.prev[at], f.next[at] = int32(at-1), int32(at+1)
	}
}

// gather fills f.group with the seed and whoever fits it and each other.
func (f *former) gather(waiting []Ticket, seed int32, now int64, mode Mode) {
	rating := int64(waiting[seed].Rating)
	window := mode.windowAt(now, waiting[seed])
	starving := mode.starving(now, waiting[seed])
	if starving {
		window = anyRating
	}
	f.group, f.team, f.size = f.group[:0], f.team[:0], 0
	f.free = slices.Grow(f.free[:0], max(1, mode.Teams))[:max(1, mode.Teams)]
	for team := range f.free {
		f.free[team] = mode.team()
	}
	if !f.seat(seed, waiting[seed].size()) {
		return // the mode's teams have become too small for it
	}

	lowest, highest := rating, rating              // of the group so far
	floor, ceiling := rating-window, rating+window // what all of the group accept
	left, right := f.prev[f.place[seed]], f.next[f.place[seed]]
	last := int32(len(waiting))

	for looks := lookAround * mode.Players; f.size < mode.Players && looks > 0; looks-- {
		below, above := int64(-1), int64(-1) // distance to the neighbour, if it is within reach
		if left > 0 {
			if r := f.ratingAt(left); r >= floor {
				below = rating - r
			}
		}
		if right <= last {
			if r := f.ratingAt(right); r <= ceiling {
				above = r - rating
			}
		}
		var at int32
		switch {
		case below < 0 && above < 0:
			return
		case above < 0 || below >= 0 && below < above:
			at, left = left, f.prev[left]
		default:
			at, right = right, f.next[right]
		}
		i := int32(uint32(f.byRating[at-1]))
		r, w := f.ratingAt(at), mode.windowAt(now, waiting[i])
		if !starving && (highest > r+w || lowest < r-w) {
			continue // too new to accept all that are in already
		}
		if !f.seat(i, waiting[i].size()) {
			continue
		}
		lowest, highest = min(lowest, r), max(highest, r)
		if !starving {
			floor, ceiling = max(floor, r-w), min(ceiling, r+w)
		}
	}
}

func (f *former) ratingAt(place int32) int64 {
	return int64(int32(uint32(f.byRating[place-1]>>32) ^ 1<<31))
}

// take removes a ticket from its neighbours.
func (f *former) take(i int32) {
	f.taken[i] = true
	at := f.place[i]
	f.next[f.prev[at]], f.prev[f.next[at]] = f.next[at], f.prev[at]
}

// anyRating is a window that everybody is in.
const anyRating = 1 << 40

// starving reports whether the ticket has waited so long that rating is no reason any more.
func (m Mode) starving(now int64, t Ticket) bool {
	return m.Starving > 0 && now-t.Joined >= m.Starving.Milliseconds()
}

func (m Mode) windowAt(now int64, t Ticket) int64 {
	return m.window(time.Duration(now-t.Joined) * time.Millisecond)
}
