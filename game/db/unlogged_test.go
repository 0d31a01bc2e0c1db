package db_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/id"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/game/api"
	"loumiao/game/db"
	"loumiao/game/pb"
	"loumiao/game/store/log"
	"loumiao/game/store/player"
	"loumiao/migrations"
)

// A forgetful log stores records once, as log does; it fails at times before it has, and loses its answer at times after.
type forgetfulLog struct {
	idle
	mu    sync.Mutex
	calls int
	got   map[string]int
}

func (l *forgetfulLog) Start(_ context.Context, n *node.Node) error {
	rpc.HandleFunc(n, api.AppendLog, l.append)
	return nil
}

func (l *forgetfulLog) append(_ context.Context, m *pb.AppendLog) (*pb.Done, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.calls%3 == 1 {
		return nil, fault.New(fault.Unavailable, "not now")
	}
	for _, r := range m.GetRecords() {
		l.got[fmt.Sprint(r.GetKind(), " ", r.GetPlayer(), " ", r.GetId())]++
	}
	if l.calls%3 == 2 {
		return nil, errors.New("the answer is lost")
	}
	return &pb.Done{}, nil
}

// A log that kills stores what it is told in log's own tables, and then, if it is to, kills who tells it: before it has, or before it answers.
type killingLog struct {
	idle
	tables *log.Store
	victim atomic.Pointer[victim]
}

type victim struct {
	node  *frameworktest.Node
	after bool // it has stored what it was told
	dead  chan struct{}
}

func (l *killingLog) Start(_ context.Context, n *node.Node) error {
	rpc.HandleFunc(n, api.AppendLog, l.append)
	return nil
}

func (l *killingLog) append(ctx context.Context, m *pb.AppendLog) (*pb.Done, error) {
	v := l.victim.Swap(nil)
	if v != nil {
		defer close(v.dead)
		if !v.after {
			v.node.Kill()
			return nil, fault.New(fault.Unavailable, "it has not come here")
		}
	}
	var records []log.Record
	for _, r := range m.GetRecords() {
		records = append(records, log.Record{Player: r.GetPlayer(), ID: r.GetId(), Kind: r.GetKind(), Area: uint16(r.GetArea()), At: r.GetAtMs(), Details: r.GetDetails()})
	}
	err := l.tables.Append(ctx, records)
	if v != nil {
		v.node.Kill()
	}
	return &pb.Done{}, err
}

// TestLoggedThroughKills kills the db node that tells the log, as the end of its process would, with each batch that it begins to tell: before the log has
// it, or before the answer comes. In the end the log has each entry of the ledger, each login and each logout once, and nothing else.
func TestLoggedThroughKills(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, cfg store.Config) {
		c := frameworktest.New(t, frameworktest.Config{Migrations: migrations.FS("cluster"), Stores: cfg})
		players := player.New(storetest.Migrated(t, c.Stores(), "player", migrations.FS("player")), id.NewGenerator(900, nil), nil)
		sql, err := c.Stores().SQL("log")
		if err != nil {
			t.Fatal(err)
		}
		killer := &killingLog{tables: log.New(sql, 7, time.Now)}
		c.Start(node.Config{Type: api.Log}, killer)
		teller := c.Start(node.Config{Type: api.DB}, db.New())
		const rounds = 6
		for round := range rounds {
			v := &victim{node: teller, after: round%2 == 1, dead: make(chan struct{})}
			killer.victim.Store(v)
			for p := player.ID(1); p <= 3; p++ { // at his first the player is given gold, which is in the ledger
				held, err := players.Enter(t.Context(), p, int64(1000+p), 1, "guest")
				if err == nil && round%2 == 0 {
					err = players.Save(t.Context(), p, held.Epoch, player.Save{State: []byte("{}"), Schema: 1, Leaves: true})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			select {
			case <-v.dead:
			case <-time.After(patience):
				t.Fatal("nobody tells the log")
			}
			teller = teller.Restart(db.New())
			teller.Ready()
		}
		frameworktest.Eventually(t, "nothing is left to be logged", func() bool {
			n, since, err := players.Waiting(t.Context(), 10)
			return err == nil && n == 0 && since.IsZero()
		})
		for p := player.ID(1); p <= 3; p++ {
			entries, err := players.Ledger(t.Context(), p, 100, 0)
			if err != nil || len(entries) == 0 {
				t.Fatal(entries, err)
			}
			want := map[string]bool{}
			for _, e := range entries {
				want[fmt.Sprint(api.LogEconomy, " ", e.ID)] = true
			}
			found, err := killer.tables.Find(t.Context(), log.Query{Player: int64(p), From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			kinds := map[string]int{}
			for _, r := range found {
				kinds[r.Kind]++
				if r.Kind == api.LogEconomy && !want[fmt.Sprint(r.Kind, " ", r.ID)] {
					t.Errorf("the log has %+v, which is not in the ledger", r)
				}
			}
			if kinds[api.LogEconomy] != len(want) || kinds[api.LogLogin] != rounds || kinds[api.LogLogout] != rounds-1 {
				t.Errorf("player %d: the log has %v; want %d entries of the ledger, %d logins and %d logouts", p, kinds, len(want), rounds, rounds-1)
			}
		}
	}
	t.Run("embedded", func(t *testing.T) { t.Parallel(); run(t, store.Config{}) })
	t.Run("real", func(t *testing.T) { t.Parallel(); run(t, storetest.RealConfig(t)) })
}

// TestLogged has players earn and fight while no log node is there, and while one fails and loses answers: in the end it was told of each entry of the
// ledger, each battle and each login, of nothing else, and nothing is left to tell.
func TestLogged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *caller) {
		log := &forgetfulLog{got: map[string]int{}}
		const players = 3
		for p := int64(1); p <= players; p++ {
			c.load(p)
		}
		now := time.Now().UnixMilli()
		fight := func(match int64) {
			m := &pb.RecordMatch{Match: match, Mode: "arena", Area: 1, StartedMs: now - 60_000, EndedMs: now}
			for p := int64(1); p <= players; p++ {
				m.Standings = append(m.Standings, &pb.Standing{Player: p, Place: int32(p)})
			}
			for range 2 { // the second time changes nothing
				if _, err := api.RecordMatch.Call(c.t.Context(), c.node.RPC(), m, rpc.Any); err != nil {
					t.Fatal(err)
				}
			}
		}
		for match := int64(1); match <= 4; match++ {
			fight(match)
			if match == 2 {
				c.run(api.Log, log)
			}
		}
		c.eventually("nothing is left to be logged", func() bool {
			left, err := c.tables.Unlogged(t.Context(), 10)
			return err == nil && len(left) == 0
		})
		want := map[string]bool{}
		for p := int64(1); p <= players; p++ {
			for _, e := range c.ledger(p, 0, 200) {
				want[fmt.Sprint(api.LogEconomy, " ", p, " ", e.GetId())] = true
			}
			logins := 0
			log.mu.Lock()
			for name := range log.got {
				if strings.HasPrefix(name, fmt.Sprint(api.LogLogin, " ", p, " ")) {
					want[name] = true
					logins++
				}
			}
			log.mu.Unlock()
			if logins != 1 {
				t.Errorf("player %d has logged in once; the log has it %d times", p, logins)
			}
			for match := range 4 {
				want[fmt.Sprint(api.LogBattle, " ", p, " ", match+1)] = true
			}
		}
		log.mu.Lock()
		defer log.mu.Unlock()
		if len(want) <= players*4 || len(log.got) != len(want) {
			t.Errorf("%d records; want %d, of battles, logins and the ledger", len(log.got), len(want))
		}
		for name := range want {
			if log.got[name] == 0 {
				t.Errorf("%s is missing", name)
			}
		}
	})
}
