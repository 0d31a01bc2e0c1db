package zone

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
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

	inputs []arena.Input // of the tick in hand, by seat
	packed []uint32      // the same, for the tape
	view   arena.View    // of the player in hand
}

// A seat is one player's place: his ship has its number.
type seat struct {
	player    api.PlayerID
	came      bool   // he has joined once
	client    client // nil while he is away
	input     uint32 // what his ship does, packed, until he says otherwise
	number    uint32 // of that input
	seen      int32  // the newest snapshot that his client has
	snapshots *snapshot.Encoder
}

// A client is where a player's snapshots go. It does not keep what it is given.
type client interface {
	Push(m proto.Message) error
}

func newBattle(match api.MatchID, players []api.PlayerID, cfg Config, seed uint32) *battle {
	rules := cfg.rules(len(players))
	b := &battle{
		match:  match,
		cfg:    cfg,
		arena:  arena.New(rules, seed),
		seats:  make([]seat, len(players)),
		inputs: make([]arena.Input, len(players)),
		packed: make([]uint32, len(players)),
	}
	b.tape = newRecording(match, players, b.arena.Config(), seed)
	for i, p := range players {
		b.seats[i] = seat{player: p, snapshots: snapshot.NewEncoder(int64(match))}
	}
	return b
}

// join seats a player's client, in place of an older one of his. It begins with a keyframe and an idle ship.
func (b *battle) join(player api.PlayerID, c client) (*pb.JoinRoomReply, error) {
	i := slices.IndexFunc(b.seats, func(s seat) bool { return s.player == player })
	if i < 0 {
		return nil, fault.New(fault.Forbidden, "the room is for other players")
	}
	s := &b.seats[i]
	s.came, s.client = true, c
	s.input, s.number, s.seen = 0, 0, 0

	rules := b.arena.Config()
	return &pb.JoinRoomReply{
		Room: int64(b.match), Ship: int32(i), Players: numbers(b.tape.Players), Seed: b.tape.Seed,
		Tick: int32(b.arena.Tick()), Ticks: int32(rules.Ticks), TickMs: int32(tickEvery.Milliseconds()),
		Width: rules.Width, Height: rules.Height,
	}, nil
}

// leave takes a client's player away from his ship, which drifts until he is back.
func (b *battle) leave(c client) {
	if s := b.seatOf(c); s != nil {
		s.client, s.input = nil, 0
	}
}

// steer takes in what a client sends. A client without a seat and inputs that come after newer ones are passed over: both are old news and
// nobody's fault.
func (b *battle) steer(c client, m *pb.RoomInput) {
	s := b.seatOf(c)
	if s == nil || m.GetNumber() <= s.number {
		return
	}
	s.input, s.number, s.seen = m.GetInput(), m.GetNumber(), m.GetSeen()
}

func (b *battle) seatOf(c client) *seat {
	for i := range b.seats {
		if b.seats[i].client == c && c != nil {
			return &b.seats[i]
		}
	}
	return nil
}

// step simulates one tick and, when it is time, shows each player what is near him.
func (b *battle) step() {
	for i := range b.seats {
		b.packed[i] = b.seats[i].input
		b.inputs[i] = arena.Unpack(b.packed[i])
	}
	b.tape.add(b.packed)
	b.arena.Step(b.inputs)
	if b.arena.Tick()%b.cfg.SnapshotEvery == 0 || b.arena.Done() {
		b.show()
	}
}

// show sends each player a snapshot. One that is lost on the way, or cannot even be sent, is made good by the next.
func (b *battle) show() {
	for i := range b.seats {
		s := &b.seats[i]
		if s.client == nil {
			continue
		}
		b.arena.Near(i, b.cfg.ViewRadius, &b.view)
		_ = s.client.Push(s.snapshots.Encode(int32(b.arena.Tick()), s.number, s.seen, &b.view))
	}
}

// push sends one message to every player who is there.
func (b *battle) push(m proto.Message) {
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

// standings is the table as it stands, best first.
func (b *battle) standings() []*pb.Standing {
	var table []*pb.Standing
	for _, s := range b.arena.Result() {
		table = append(table, &pb.Standing{
			Player: int64(b.seats[s.Player].player), Place: int32(s.Place), Score: s.Score, Kills: s.Kills, Deaths: s.Deaths,
		})
	}
	return table
}

func numbers(players []api.PlayerID) []int64 {
	n := make([]int64, len(players))
	for i, p := range players {
		n[i] = int64(p)
	}
	return n
}
