package robot

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/framework/wire"
	"loumiao/game/arena"
	"loumiao/game/pb"
	"loumiao/robot/client"
	"loumiao/robot/internal/fakegate"
)

// A stack is a backend in little: a login web, and a gate behind which everything is this. It is honest but for one lie. A player who has
// finished a match, and been told the lie, is sent away when he asks for another match.
type stack struct {
	t    *testing.T
	lie  string // "": none
	cuts int    // requests of a player's after which his connection breaks; 0: it does not
	web  *httptest.Server
	gate *fakegate.Gate

	mu      sync.Mutex
	numbers int64            // last number of anything
	names   map[string]int64 // players by what they log in with
	players map[int64]*player
}

// A player is what the stack knows of one.
type player struct {
	id      int64
	lied    bool
	playing *pb.MatchFound
	wallet  map[string]int64
	ledger  []*pb.LedgerEntry // newest first, as are matches
	matches []*pb.MatchResult
	greeted int64
	done    map[string]bool // by key

	connected sync.Mutex        // held by the one connection
	session   *fakegate.Session // to come back to; nil: none
	taken     map[uint8]uint32  // what the session has sent, by stream
	asked     int
}

func startStack(t *testing.T, lie string) *stack {
	t.Helper()
	s := &stack{t: t, lie: lie, gate: fakegate.Start(t, protocol(t)), names: map[string]int64{}, players: map[int64]*player{}}
	s.web = httptest.NewServer(http.HandlerFunc(s.login))
	var sessions sync.WaitGroup
	over := make(chan struct{})
	sessions.Go(func() {
		for {
			select {
			case session := <-s.gate.Sessions:
				sessions.Go(func() { s.serve(session) })
			case <-over:
				return
			}
		}
	})
	t.Cleanup(func() {
		s.web.Close()
		s.gate.Close()
		close(over)
		sessions.Wait()
	})
	return s
}

func protocol(t testing.TB) *wire.Registry {
	t.Helper()
	r, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *stack) login(w http.ResponseWriter, req *http.Request) {
	var in struct{ Device, Name, Refresh string }
	if err := json.NewDecoder(req.Body).Decode(&in); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := in.Device + in.Name
	id, known := s.names[name]
	switch {
	case in.Refresh != "":
		id, _ = strconv.ParseInt(in.Refresh, 10, 64)
	case strings.HasSuffix(req.URL.Path, "/register") && known:
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"error":{"code":"already_exists","message":"the name is taken"}}`))
		return
	case !known:
		id = s.number()
		s.names[name] = id
		s.players[id] = &player{id: id, wallet: map[string]int64{}, done: map[string]bool{}}
	}
	number := strconv.FormatInt(id, 10)
	_ = json.NewEncoder(w).Encode(client.Ticket{
		Account: id, Player: id, Area: 1, Token: number, Refresh: number, ExpiresIn: 3600,
		Gates: []client.Address{{TCP: strings.TrimPrefix(s.gate.TCP, "tcp://"), WS: s.gate.WS}},
	})
}

// number is a new one. It is called with the lock.
func (s *stack) number() int64 {
	s.numbers++
	return s.numbers
}

// lies reports whether the player is to be told the lie now, and notes that he is.
func (s *stack) lies(p *player, lie string) bool {
	if s.lie != lie {
		return false
	}
	p.lied = true
	return true
}

func (s *stack) serve(session *fakegate.Session) {
	defer session.Close()
	if session.Hear() != nil {
		return
	}
	id, err := strconv.ParseInt(session.Hello.GetToken(), 10, 64)
	s.mu.Lock()
	p := s.players[id]
	s.mu.Unlock()
	if err != nil || p == nil {
		session.Kick(fault.New(fault.Unauthenticated, "who is that?"))
		return
	}
	p.connected.Lock() // the connection before is about to see that it has ended
	defer p.connected.Unlock()
	switch {
	case len(session.Hello.GetResume()) == 0:
		p.taken = map[uint8]uint32{fakegate.World: 0, fakegate.Queue: 0, fakegate.Zone: 0}
		session.Admit(fakegate.Resumable)
	case p.session == nil:
		session.Kick(fault.New(fault.StartOver, "there is no such session"))
		return
	default:
		session.GoOn(p.session, p.taken, fakegate.Resumable)
		s.mu.Lock()
		if s.lies(p, "a push lost between connections") {
			session.Number(fakegate.World, &pb.MatchFound{})
		}
		s.mu.Unlock()
	}
	p.session = session
	for {
		f, err := session.Read()
		switch {
		case err != nil:
			return
		case f.Kind == wire.Leave:
			p.session = nil
			return
		case f.Kind != wire.Request && f.Kind != wire.Send || f.Sequence != 0 && f.Sequence <= p.taken[f.Stream]:
			continue
		}
		p.taken[f.Stream] = max(p.taken[f.Stream], f.Sequence)
		if f.Kind != wire.Request {
			continue
		}
		if !s.answer(session, p, f) {
			session.Kick(fault.New(fault.Forbidden, "that is enough"))
			return
		}
		if p.asked++; s.cuts > 0 && p.asked%s.cuts == 0 {
			return
		}
	}
}

// answer does what a player asks for. false: he is to go.
func (s *stack) answer(session *fakegate.Session, p *player, f fakegate.Frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := func(m proto.Message) { session.Reply(f, m) }
	switch m := f.Message.(type) {
	case *pb.EnterQueue:
		reply(&pb.QueueStatus{Position: 1, Waiting: 1})
		session.Push(fakegate.Queue, &pb.QueueUpdate{Position: 1, Waiting: 1})
		s.admit(session, p)
	case *pb.EnterWorld:
		reply(&pb.EnterWorldReply{Profile: p.profile(), Match: p.playing})
		if s.lies(p, "a match without asking") {
			session.Push(fakegate.World, &pb.MatchFound{Match: s.number(), Players: []int64{p.id}})
		}
	case *pb.GetProfile:
		reply(&pb.GetProfileReply{Profile: p.profile()})
	case *pb.Greet:
		p.greeted++
		if p.greeted > 1 && s.lies(p, "a greeting forgotten") {
			p.greeted--
		}
		reply(&pb.GreetReply{Count: p.greeted})
		if s.lies(p, "two answers") {
			reply(&pb.GreetReply{Count: p.greeted})
		}
	case *pb.GetMatches:
		reply(&pb.GetMatchesReply{Matches: s.history(p, int(m.GetLimit()))})
	case *pb.GetLedger:
		reply(&pb.GetLedgerReply{Entries: s.page(p, m)})
	case *pb.GetRanking:
		me := &pb.Ranked{Place: 1, Player: p.id}
		if s.lie == "a ranking of another" && p.lied || len(p.matches) > 0 && s.lies(p, "a ranking of another") {
			me.Score = 1
		}
		reply(&pb.GetRankingReply{Me: me})
	case *pb.StartMatch:
		if len(p.matches) > 0 && (s.lie == "" || p.lied) {
			return false
		}
		reply(&pb.StartMatchReply{Ticket: s.number()})
		s.match(session, p)
	case *pb.CancelMatch:
		reply(&pb.CancelMatchReply{})
	case *pb.JoinRoom:
		if p.playing == nil || m.GetRoom() != p.playing.GetRoom() {
			return false
		}
		joined := &pb.JoinRoomReply{Room: m.GetRoom(), Players: []int64{p.id}, Ticks: 3, TickMs: 1, Width: 1000, Height: 1000}
		framed := strings.HasPrefix(s.lie, "a simulation") || s.lie == "" && p.id%2 == 1
		if framed {
			joined.Frames = &pb.FrameMode{Rules: &pb.FrameRules{Players: 1, Ticks: 3}, ChecksumEvery: 1}
		}
		reply(joined)
		if framed {
			s.frames(session, p)
		}
		s.battle(session, p, framed)
	case *pb.SignIn, *pb.GetMails, *pb.ReadMail, *pb.ClaimMail, *pb.DeleteMail, *pb.GetOffers, *pb.BuyOffer, *pb.GetFriends, *pb.AddFriend, *pb.SendChat:
		if r, err := s.errand(p, m); err != nil {
			session.Refuse(f, err)
		} else {
			reply(r)
		}
	default:
		session.Refuse(f, fault.Errorf(fault.Unimplemented, "%T", m))
	}
	return true
}

// errand does what robots do between matches.
func (s *stack) errand(p *player, m proto.Message) (proto.Message, error) {
	switch m := m.(type) {
	case *pb.SignIn:
		repeated := s.once(p, "sign_in:20260101", "a day's reward twice", "gold", 1)
		return &pb.SignInReply{Day: 20260101, Repeated: repeated && !s.lies(p, "a day signed in twice"), Profile: p.profile()}, nil
	case *pb.GetMails:
		if p.done["delete:5"] {
			return &pb.GetMailsReply{}, nil
		}
		return &pb.GetMailsReply{Mails: []*pb.Mail{{Id: 5, Wallet: map[string]int64{"gold": 1}, Claimed: p.done["claim:5"]}}}, nil
	case *pb.ClaimMail:
		if s.lies(p, "a mail claimed for nothing") {
			p.done["claim:5"] = true
		}
		lie := "a mail claimed twice"
		if p.done["delete:5"] {
			lie = "a mail claimed after it was deleted"
		}
		s.once(p, fmt.Sprintf("claim:%d", m.GetMail()), lie, "gold", 1)
		if p.done["delete:5"] {
			return nil, fault.New(fault.NotFound, "there is no such mail")
		}
		if s.lies(p, "a mail that is only in the wallet") {
			p.wallet["gold"]++
		}
		return &pb.ClaimMailReply{Profile: p.profile()}, nil
	case *pb.ReadMail:
		return &pb.ReadMailReply{Mail: &pb.Mail{Id: m.GetMail(), Read: true}}, nil
	case *pb.DeleteMail:
		p.done["delete:5"] = true
		return &pb.DeleteMailReply{}, nil
	case *pb.GetOffers:
		return &pb.GetOffersReply{Offers: []*pb.Offer{{Id: "shard", Price: map[string]int64{"gold": 1}}}}, nil
	case *pb.BuyOffer:
		if key := "shop:" + m.GetRequest(); p.wallet["gold"] > 1 || p.done[key] {
			return &pb.BuyOfferReply{Repeated: s.once(p, key, "a purchase twice", "gold", -1), Profile: p.profile()}, nil
		}
		return nil, fault.New(fault.FailedPrecondition, "not enough gold")
	case *pb.GetFriends:
		return &pb.GetFriendsReply{Friends: []*pb.Friend{
			{Player: 5, Bond: pb.Friend_ASKED_BY}, {Player: 6, Bond: pb.Friend_FRIEND, Presence: pb.Friend_ONLINE},
		}}, nil
	case *pb.AddFriend:
		return &pb.AddFriendReply{Bond: pb.Friend_FRIEND}, nil
	}
	return nil, fault.New(fault.FailedPrecondition, "the player cannot be reached now")
}

// once changes a player's wallet once for each key, but for the lie.
func (s *stack) once(p *player, key, lie, asset string, amount int64) (repeated bool) {
	if repeated = p.done[key]; repeated && !s.lies(p, lie) {
		return true
	}
	p.done[key] = true
	p.wallet[asset] += amount
	p.ledger = append([]*pb.LedgerEntry{{Id: s.number(), Key: key, Asset: asset, Amount: amount}}, p.ledger...)
	return repeated
}

// admit lets a player in, who is told so once.
func (s *stack) admit(session *fakegate.Session, p *player) {
	m := &pb.Admitted{Pass: "pass"}
	number := session.Number(fakegate.Queue, m)
	again := []uint32{number}
	switch {
	case s.lies(p, "a push lost"):
		again = []uint32{session.Number(fakegate.Queue, m)}
	case s.lies(p, "a push twice"):
		again = []uint32{number, number}
	case s.lies(p, "pushes that changed places"):
		again = []uint32{session.Number(fakegate.Queue, m), number}
	}
	for _, n := range again {
		session.Write(wire.Header{Kind: wire.Push, Stream: fakegate.Queue, Message: 12104, Sequence: n}, m)
	}
}

// match finds one for a player.
func (s *stack) match(session *fakegate.Session, p *player) {
	found := &pb.MatchFound{Match: s.number(), Room: s.number(), Mode: "arena", Players: []int64{p.id, -1}}
	switch {
	case s.lies(p, "a match of others"):
		found.Players = []int64{p.id + 1, p.id + 2}
	case s.lies(p, "a match with a player twice"):
		found.Players = []int64{p.id, p.id}
	case len(p.matches) > 0 && s.lies(p, "a match that has ended"):
		found.Match = p.matches[0].GetMatch()
	}
	if p.playing = found; len(p.matches) > 0 && found.GetMatch() == p.matches[0].GetMatch() {
		p.playing = nil // there is no such room
	}
	session.Push(fakegate.World, found)
}

// frames is a battle in frame mode, as far as its simulation goes.
func (s *stack) frames(session *fakegate.Session, p *player) {
	fight := arena.New(arena.Config{Players: 1, Ticks: 3}, 0)
	m := &pb.Frames{Room: p.playing.GetRoom()}
	for !fight.Done() {
		fight.Step([]arena.Input{{DX: 100}})
		m.Inputs, m.Checksums = append(m.Inputs, arena.Input{DX: 100}.Pack()), append(m.Checksums, fight.Checksum())
	}
	if s.lies(p, "a simulation that is another one") {
		m.Checksums[1]++
	}
	session.Push(fakegate.Zone, m)
	if s.lies(p, "a simulation that the zone does not have") {
		session.Push(fakegate.Zone, &pb.FrameDesync{Room: p.playing.GetRoom(), Tick: 2})
	}
	ended := &pb.RoomEnded{Room: p.playing.GetRoom(), Standings: []*pb.Standing{{Player: p.id, Place: 1, Score: fight.Result()[0].Score}}}
	if s.lies(p, "a simulation with another result") {
		ended.Standings[0].Score++
	}
	session.Push(fakegate.Zone, ended)
}

// battle is fought and won in a moment.
func (s *stack) battle(session *fakegate.Session, p *player, framed bool) {
	ticks := []int32{1, 2, 3}
	if framed {
		ticks = nil
	}
	if s.lies(p, "snapshots backwards") {
		ticks = []int32{2, 1, 3}
	}
	for _, tick := range ticks {
		session.Push(fakegate.Zone, &pb.Snapshot{Room: p.playing.GetRoom(), Tick: tick})
	}
	if s.lies(p, "two matches at once") {
		session.Push(fakegate.World, &pb.MatchFound{Match: s.number(), Players: []int64{p.id}})
	}
	result := &pb.MatchResult{Match: p.playing.GetMatch(), Mode: "arena", Place: 1, Players: 1, Reward: map[string]int64{"gold": 10, "item:shard": 1}}
	p.playing = nil
	p.matches = append([]*pb.MatchResult{result}, p.matches...)
	times := 1
	if s.lies(p, "a reward twice") {
		times = 2
	}
	for range times {
		for asset, amount := range result.GetReward() {
			p.wallet[asset] += amount
			entry := &pb.LedgerEntry{Id: s.number(), Key: fmt.Sprintf("match:%d", result.GetMatch()), Asset: asset, Amount: amount}
			p.ledger = append([]*pb.LedgerEntry{entry}, p.ledger...)
		}
	}
	ended := &pb.MatchEnded{Result: result, Profile: p.profile()}
	switch {
	case s.lies(p, "money from nowhere"):
		ended.Profile.Wallet["gold"]++
	case s.lies(p, "items from nowhere"):
		ended.Profile.Items = append(ended.Profile.Items, &pb.Item{Item: "crown", Count: 1})
	case s.lies(p, "a reward that was not given"):
		ended.Result = proto.CloneOf(result)
		ended.Result.Reward["gold"]++
		p.matches[0] = ended.Result
	}
	session.Push(fakegate.World, ended)
	if s.lies(p, "an end told twice") {
		session.Push(fakegate.World, ended)
	}
}

func (p *player) profile() *pb.Profile {
	profile := &pb.Profile{Player: p.id, Wallet: maps.Clone(p.wallet)}
	if n := p.wallet["item:shard"]; n > 0 {
		delete(profile.Wallet, "item:shard")
		profile.Items = []*pb.Item{{Item: "shard", Count: n}}
	}
	return profile
}

func (s *stack) history(p *player, limit int) []*pb.MatchResult {
	matches := p.matches[:min(limit, len(p.matches))]
	switch {
	case len(matches) == 0:
	case s.lies(p, "a match forgotten"):
		return nil
	case s.lies(p, "a match told otherwise"):
		altered := proto.CloneOf(matches[0])
		altered.Place = 2
		return []*pb.MatchResult{altered}
	}
	return matches
}

func (s *stack) page(p *player, m *pb.GetLedger) (page []*pb.LedgerEntry) {
	for _, e := range p.ledger {
		if (m.GetBefore() == 0 || e.GetId() < m.GetBefore()) && len(page) < int(m.GetLimit()) {
			page = append(page, e)
		}
	}
	if len(page) > 1 && s.lies(p, "a ledger out of order") {
		page[0], page[1] = page[1], page[0]
	}
	return page
}
