package world_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"loumiao/framework/fault"
	"loumiao/framework/lease"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/world"
	"loumiao/migrations"
)

// envSeed repeats a run of TestOwnershipAgainstOracle.
const envSeed = "TEST_SEED"

// A struggle is several worlds that take the same players from each other.
type struggle struct {
	*place
	rng    *rand.Rand
	notary *notary
	worlds []*contender
	done   []string // the last of it is being done
	events map[string]int
}

// A contender is one of the worlds.
type contender struct {
	*life
	paused   atomic.Bool // it knows that its lease has run out
	sessions map[int64]*session
}

const (
	struggling = 3 // players, and worlds
	steps      = 150
)

// TestOwnershipAgainstOracle has worlds enter, save, lose and release the same players in random order, while leases run out, Redis forgets
// everything and worlds die. The oracle is the notary: only the newest holder ever has effect, and nothing that it saved is lost.
func TestOwnershipAgainstOracle(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, stores *store.Stores) {
		seed := rand.Uint64()
		if s := os.Getenv(envSeed); s != "" {
			var err error
			if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		tables := storetest.Migrated(t, stores, "player", migrations.FS("player"))
		s := &struggle{rng: rand.New(rand.NewPCG(seed, 0)), notary: newNotary(tables), events: map[string]int{}}
		s.place = placeOn(t, stores, &door{many: true}, s.notary.serve())
		for range struggling {
			s.worlds = append(s.worlds, s.begin())
		}
		defer func() {
			if t.Failed() {
				t.Logf("%s=%d", envSeed, seed)
				for i, what := range s.done {
					t.Logf("%3d %s", i+1, what)
				}
			}
		}()
		for n := range steps {
			switch n {
			case steps / 3:
				s.die(s.worlds[0])
			case 2 * steps / 3:
				s.stop(s.worlds[1])
			default:
				s.step()
			}
			s.check()
		}
		s.settle()
		t.Logf("%d saves, %d fenced, %v", s.notary.saved, s.notary.fenced, s.events)
	})
}

// begin starts a world.
func (s *struggle) begin() *contender {
	c := &contender{sessions: map[int64]*session{}}
	c.life = s.world(func(cfg *world.Config) { cfg.ReportEvery = world.Defaults().ReportEvery })
	c.life.world.Pausable()
	c.life.world.LeaseBy(func() bool { return !c.paused.Load() })
	return c
}

func (s *struggle) doing(format string, args ...any) {
	s.done = append(s.done, fmt.Sprintf(format, args...))
}

func (s *struggle) check() {
	s.t.Helper()
	if wrong := s.notary.check(s.t.Context()); len(wrong) > 0 {
		s.t.Fatal(wrong)
	}
}

// step does something at random.
func (s *struggle) step() {
	s.t.Helper()
	w, who := s.worlds[s.rng.IntN(len(s.worlds))], int64(1+s.rng.IntN(struggling))
	switch dice := s.rng.IntN(100); {
	case dice < 20:
		s.doing("player %d enters %d", who, w.ID())
		s.enter(w, who)
	case dice < 55:
		w, who = s.somebody(w, who)
		s.doing("player %d greets at %d", who, w.ID())
		s.greet(w, who)
	case dice < 70:
		w, who = s.somebody(w, who)
		s.doing("%d saves player %d", w.ID(), who)
		w.world.Save(s.t, who)
	case dice < 74:
		s.doing("player %d is asked for", who)
		s.release(who)
	case dice < 78:
		s.doing("player %d goes from %d", who, w.ID())
		s.leave(w, who)
	case dice < 82:
		s.doing("player %d enters everywhere", who)
		s.enterEverywhere(who)
	case dice < 89:
		s.doing("the lease of %d runs out", w.ID())
		w.paused.Store(s.rng.IntN(2) == 0) // or it has not noticed
		s.forget(s.leaseKey(w))
	case dice < 96:
		s.doing("%d has its lease again", w.ID())
		s.heal(w)
	default:
		s.doing("Redis forgets everything")
		s.forget(s.env.Stores.Redis().Keys(s.t.Context(), s.env.Stores.Prefix()+":*").Val()...)
	}
}

// somebody is a player who has a session at a world, from w and who on.
func (s *struggle) somebody(w *contender, who int64) (*contender, int64) {
	at := slices.Index(s.worlds, w)
	for i := range struggling * struggling {
		w, p := s.worlds[(at+i/struggling)%len(s.worlds)], 1+(who+int64(i))%struggling
		if w.sessions[p] != nil {
			return w, p
		}
	}
	return w, who
}

func (s *struggle) leaseKey(w *contender) string {
	return s.env.Stores.Key("lease", "{"+w.ID().String()+"}")
}

func (s *struggle) forget(keys ...string) {
	s.t.Helper()
	for _, key := range keys {
		if err := s.env.Stores.Redis().Del(s.t.Context(), key).Err(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// heal is what a renewal of the world's lease does when Redis has lost it.
func (s *struggle) heal(w *contender) {
	s.t.Helper()
	boot := fmt.Sprintf("%020d", uint64(w.Boot()))
	if err := s.env.Stores.Redis().Set(s.t.Context(), s.leaseKey(w), boot, 0).Err(); err != nil {
		s.t.Fatal(err)
	}
	w.paused.Store(false)
	w.world.BindAgain()
}

// holder is the newest tenure of the player, if others can see that its world has him and it can answer: whoever takes him from there has to have all of it.
func (s *struggle) holder(who int64) *tenure {
	s.t.Helper()
	b, ok, err := lease.NewOwners(s.env.Stores, s.env.Owned).Lookup(s.t.Context(), who)
	if err != nil {
		s.t.Fatal(err)
	}
	newest := s.notary.newest(who)
	if !ok || newest == nil || b.Epoch != newest.epoch {
		return nil
	}
	return newest
}

// kept fails when a tenure that ended in order has not saved everything.
func (s *struggle) kept(who int64, was *tenure) {
	s.t.Helper()
	if was == nil {
		return
	}
	s.events["kept"]++
	s.notary.mu.Lock()
	defer s.notary.mu.Unlock()
	if s.notary.stored[who] < was.count() {
		s.t.Fatalf("player %d had %d greetings at %d, and %d are saved after it has let go", who, was.count(), was.world, s.notary.stored[who])
	}
}

// session is the player's at that world, new if need be.
func (s *struggle) session(w *contender, who int64) *session {
	if old := w.sessions[who]; old != nil && old.Err() == nil {
		return old
	}
	w.sessions[who] = s.connect(who)
	return w.sessions[who]
}

func (s *struggle) enter(w *contender, who int64) {
	s.t.Helper()
	s.gate.sendTo(w.ID())
	was := s.holder(who)
	if w.paused.Load() {
		_, err := try[*pb.EnterWorldReply](s.session(w, who), &pb.EnterWorld{Pass: goodPass})
		if code := fault.CodeOf(err); code != fault.Unavailable && code != fault.Lost { // lost: it is just being let go
			s.t.Fatalf("entering a world without a lease: %v", err)
		}
		s.events["refused"]++
		return
	}
	s.session(w, who).enter()
	if now := s.notary.newest(who); was != nil && now != was {
		s.kept(who, was)
	}
}

// enterEverywhere has the player's sessions at all worlds enter at once. Whoever takes him last has him.
func (s *struggle) enterEverywhere(who int64) {
	s.t.Helper()
	var all sync.WaitGroup
	for _, w := range s.worlds {
		if w.paused.Load() {
			continue
		}
		s.gate.sendTo(w.ID())
		session := s.session(w, who)
		// The gate brings a session to its world with the first message that asks to enter, so that comes before.
		if _, err := session.enterWith("bad"); err != nil && fault.CodeOf(err) != fault.Forbidden {
			s.t.Fatalf("entering with a bad pass: %v", err)
		}
		all.Go(func() {
			_, err := try[*pb.EnterWorldReply](session, &pb.EnterWorld{Pass: goodPass})
			switch fault.CodeOf(err) {
			case fault.OK, fault.Unavailable, fault.Lost, fault.Fenced: // refused, reset, or overtaken
			default:
				s.t.Errorf("entering everywhere: %v", err)
			}
		})
	}
	all.Wait()
	// A session that was taken from its world in between has asked the gate again, and is where the last of them was sent to.
	for _, w := range s.worlds {
		if newest := s.notary.newest(who); newest == nil || newest.world != w.ID() {
			s.leave(w, who)
		}
	}
}

// greet greets, and knows the answer: whoever has the player counts on from where he began.
func (s *struggle) greet(w *contender, who int64) {
	s.t.Helper()
	session := w.sessions[who]
	if session == nil || session.Err() != nil {
		return
	}
	r, err := try[*pb.GreetReply](session, &pb.Greet{Greeting: "Hello"})
	if err != nil {
		s.events["not greeted"]++
		return
	}
	s.events["greeted"]++
	if w.paused.Load() {
		s.t.Fatal("a world without a lease has greeted")
	}
	t := s.notary.of(who, w.ID())
	if t == nil {
		s.t.Fatalf("a world has greeted that never had player %d", who)
	}
	s.notary.mu.Lock()
	t.acked++
	s.notary.mu.Unlock()
	if r.GetCount() != t.count() {
		s.t.Fatalf("player %d hears of %d greetings, and it is %d", who, r.GetCount(), t.count())
	}
}

func (s *struggle) release(who int64) {
	s.t.Helper()
	was := s.holder(who)
	_, err := api.ReleasePlayer.Call(s.t.Context(), s.gate.node.RPC(), &pb.ReleasePlayer{Player: who})
	if err == nil {
		s.kept(who, was)
		return
	}
	s.events["not released"]++
}

// leave has the client go; the player stays for as long as this test takes.
func (s *struggle) leave(w *contender, who int64) {
	if session := w.sessions[who]; session != nil {
		_ = session.Close()
		delete(w.sessions, who)
	}
}

// die ends a world that nobody hears any more, and begins another in its place.
func (s *struggle) die(w *contender) {
	s.t.Helper()
	s.doing("%d dies", w.ID())
	s.notary.mu.Lock()
	s.notary.deaf[w.ID()] = true
	s.notary.mu.Unlock()
	s.end(w)
	s.worlds = append(s.worlds, s.begin())
}

// stop ends a world in order: whom it has it saves, whether or not others can see that it has him.
func (s *struggle) stop(w *contender) {
	s.t.Helper()
	s.doing("%d stops", w.ID())
	newest := map[int64]*tenure{}
	for who := int64(1); who <= struggling; who++ {
		if t := s.notary.newest(who); t != nil && t.world == w.ID() {
			newest[who] = t
		}
	}
	s.end(w)
	for who, t := range newest {
		s.kept(who, t)
	}
}

// end ends a world.
func (s *struggle) end(w *contender) {
	s.t.Helper()
	for who := range w.sessions {
		s.leave(w, who)
	}
	w.stop()
	s.worlds = slices.DeleteFunc(s.worlds, func(c *contender) bool { return c == w })
}

// settle makes everything well again: then every player gets in anywhere and goes on from what was saved.
func (s *struggle) settle() {
	s.t.Helper()
	for _, w := range s.worlds {
		s.heal(w)
	}
	for who := int64(1); who <= struggling; who++ {
		for _, w := range s.worlds {
			s.doing("player %d settles at %d", who, w.ID())
			s.enter(w, who)
			before := s.events["greeted"]
			s.greet(w, who)
			if s.events["greeted"] == before {
				s.t.Fatalf("player %d is not greeted at %d when everything is well", who, w.ID())
			}
		}
	}
	s.check()
	for len(s.worlds) > 0 {
		s.stop(s.worlds[0])
	}
	s.check()
}
