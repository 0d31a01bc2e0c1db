package zone

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/direct"
	"loumiao/game/api"
	"loumiao/game/arena"
	"loumiao/game/pb"
	"loumiao/game/snapshot"
)

// A battle is one match as it is fought. It has no clock, network or storage: a room steps it and hands it what players send.
type battle struct {
	match api.MatchID
	cfg   Config
	arena *arena.Arena
	seats []seat
	tape  *Recording

	frames *frames // nil in state mode

	backfill bool // seats whose players have left are offered to others
	leavers  []leaver
	barred   []api.PlayerID // who cannot have a seat again

	inputs []arena.Input // of the tick in hand, by seat
	packed []uint32      // the same, for the tape
	view   arena.View    // of the player in hand
}

// A seat is one player's place: his ship has its number.
type seat struct {
	player    api.PlayerID
	came      bool          // he has joined once
	away      int           // tick in which he went away
	client    client        // his session; nil while he is away
	line      lined         // his direct line; nil: none
	offered   direct.Ticket // for the line that he may open next
	out       client        // the one of the two that his newest input came by, where he is sent the battle
	input     uint32        // what his ship does, packed, until he says otherwise
	number    uint32        // of that input
	seen      int32         // the newest snapshot that his client has; in frame mode, how many ticks
	snapshots *snapshot.Encoder

	sent   int32 // in frame mode, how many ticks he was sent
	desync bool  // his simulation was another one, and he was told

	rating   int32       // of the player for whom it was made
	fill     api.MatchID // by which its player has it; 0: it was his from the beginning
	open     bool        // its player has left, and another may have it
	opened   int         // tick since when
	round    int32       // how often it was open
	reserved reservation // for whom it is kept
}

// A client is where a player's part of the battle goes. It does not keep what it is given, and an error says that it was not sent.
type client interface {
	Push(m proto.Message) error
}

// A lined client is one that the battle may end.
type lined interface {
	client
	Close()
}

// newBattle is a battle before its first tick, in frame mode or in state mode.
func newBattle(match api.MatchID, players []api.PlayerID, teams int, cfg Config, seed uint32, framed bool) *battle {
	rules := cfg.rules(len(players), teams)
	b := &battle{
		match:  match,
		cfg:    cfg,
		arena:  arena.New(rules, seed),
		seats:  make([]seat, len(players)),
		inputs: make([]arena.Input, len(players)),
		packed: make([]uint32, len(players)),
	}
	b.tape = newRecording(match, players, b.arena.Config(), seed)
	if framed {
		b.frames = &frames{}
	}
	for i, p := range players {
		b.seats[i] = seat{player: p, snapshots: snapshot.NewEncoder(int64(match))}
	}
	return b
}

// join seats a player's client, in place of an older one of his, or on the seat that is kept for him. It begins with a keyframe, or behind the ticks that it has, and an idle ship.
func (b *battle) join(player api.PlayerID, c client, have int32) (*pb.JoinRoomReply, error) {
	i, err := b.seatFor(player)
	if err != nil {
		return nil, err
	}
	s := &b.seats[i]
	if s.reserved.fill != 0 {
		b.handOver(i)
	}
	s.hangUp()
	s.came, s.open, s.client, s.out = true, false, c, c
	s.input, s.number, s.seen, s.desync = 0, 0, 0, false
	s.offered = direct.Ticket{}
	s.sent = b.within(have)

	rules := b.arena.Config()
	reply := &pb.JoinRoomReply{
		Room: int64(b.match), Ship: int32(i), Players: numbers(b.holders()), Seed: b.tape.Seed,
		Tick: int32(b.arena.Tick()), Ticks: int32(rules.Ticks), TickMs: int32(tickEvery.Milliseconds()),
		Width: rules.Width, Height: rules.Height, Teams: int32(rules.Teams),
	}
	if b.frames != nil {
		reply.Frames = b.frames.mode(rules)
	}
	return reply, nil
}

// within is a number of ticks, as a client says it, as one that there may be.
func (b *battle) within(ticks int32) int32 { return min(max(ticks, 0), int32(b.arena.Tick())) }

// leave takes a client's player away from his ship, which drifts until he is back. A direct line ends with the session that it was opened from; without the line
// the session goes on.
func (b *battle) leave(c client) {
	s := b.seatOf(c)
	switch {
	case s == nil:
	case s.client == c:
		s.hangUp()
		s.client, s.out, s.input, s.away = nil, nil, 0, b.arena.Tick()
	default:
		s.line = nil
		s.goBy(s.client)
	}
}

// dial gives a player a direct line, in place of an older one, if it is the one that his session was offered. The battle goes by it once an input has come by
// it.
func (b *battle) dial(player api.PlayerID, ticket direct.Ticket, l lined) bool {
	i := slices.IndexFunc(b.seats, func(s seat) bool { return s.player == player && s.client != nil && s.offered == ticket })
	if i < 0 || ticket == (direct.Ticket{}) {
		return false
	}
	s := &b.seats[i]
	s.hangUp()
	s.line, s.offered = l, direct.Ticket{}
	return true
}

// hangUp ends every direct line.
func (b *battle) hangUp() {
	for i := range b.seats {
		b.seats[i].hangUp()
	}
}

// hangUp ends the player's direct line, if he has one.
func (s *seat) hangUp() {
	if s.line != nil {
		s.line.Close()
		s.line = nil
		s.goBy(s.client)
	}
}

// goBy sends the battle another way from now on. What was under way the other way, and has perhaps not arrived, is sent again.
func (s *seat) goBy(c client) {
	if s.out != c {
		s.out = c
		s.sent = min(s.sent, s.seen)
	}
}

// steer takes in what a client sends. A client without a seat and inputs that come after newer ones are passed over: both are old news and
// nobody's fault. The newest input says which way the player can be reached.
func (b *battle) steer(c client, m *pb.RoomInput) {
	s := b.seatOf(c)
	if s == nil || m.GetNumber() <= s.number {
		return
	}
	s.input, s.number, s.seen = m.GetInput(), m.GetNumber(), m.GetSeen()
	if b.frames != nil {
		s.seen = b.within(s.seen)
	}
	s.goBy(c)
}

// seatOf is the seat that a client has, by his session or by his direct line.
func (b *battle) seatOf(c client) *seat {
	for i := range b.seats {
		if s := &b.seats[i]; c != nil && (s.client == c || s.line != nil && client(s.line) == c) {
			return s
		}
	}
	return nil
}

// step simulates one tick and, when it is time, shows each player what is near him; or, in frame mode, tells everybody of the tick.
func (b *battle) step() {
	for i := range b.seats {
		b.packed[i] = b.seats[i].input
		b.inputs[i] = arena.Unpack(b.packed[i])
	}
	b.tape.add(b.packed)
	b.arena.Step(b.inputs)
	switch {
	case b.frames != nil:
		b.frames.note(b.arena)
		for i := range b.seats {
			b.feed(&b.seats[i])
		}
	case b.arena.Tick()%b.cfg.SnapshotEvery == 0 || b.arena.Done():
		b.show()
	}
}

// show sends each player a snapshot. One that is lost on the way, or cannot even be sent, is made good by the next.
func (b *battle) show() {
	for i := range b.seats {
		s := &b.seats[i]
		if s.out == nil {
			continue
		}
		b.arena.Near(i, b.cfg.ViewRadius, &b.view)
		s.push(s.snapshots.Encode(int32(b.arena.Tick()), s.number, s.seen, &b.view))
	}
}

// push sends a player a part of the battle, and reports whether that was sent. A direct line that does not take it is no line.
func (s *seat) push(m proto.Message) bool {
	if s.out == nil {
		return false
	}
	if s.out.Push(m) == nil {
		return true
	}
	if s.out != s.client {
		s.hangUp()
	}
	return false
}

// end tells every player who is there how the battle ended, in frame mode behind the last of its ticks. That goes by sessions, which lose nothing.
func (b *battle) end(m proto.Message) {
	for i := range b.seats {
		s := &b.seats[i]
		s.hangUp()
		for range maxLastWords {
			b.feed(s)
		}
	}
	for i := range b.seats {
		if c := b.seats[i].client; c != nil {
			_ = c.Push(m) // whoever is gone joins again, or learns it from his world
		}
	}
}

// came is how many players have joined, also those who are away again.
func (b *battle) came() int {
	n := 0
	for i := range b.seats {
		if b.seats[i].came {
			n++
		}
	}
	return n
}

func numbers(players []api.PlayerID) []int64 {
	n := make([]int64, len(players))
	for i, p := range players {
		n[i] = int64(p)
	}
	return n
}
