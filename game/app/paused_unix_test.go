//go:build unix

package app_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"loumiao/framework/config"
	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/lease"
	"loumiao/framework/store"
	"loumiao/framework/store/storetest"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
)

// TestPausedWorld stops the process of a player's world until another one has him, and has it go on: what it was still asked to do, and whatever else it takes
// for its own, has no effect on him. It serves again afterwards, in another life if it has lost its lease.
func TestPausedWorld(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	for name, ends := range map[string]bool{"shorter than its lease": false, "longer than its lease": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pausedWorld(t, ends)
		})
	}
}

func pausedWorld(t *testing.T, ends bool) {
	s := &stack{dir: t.TempDir(), config: configFile(t, quick+"world: {save_every: 500ms}\n")}
	s.up(t, "--without", "world")
	environ := []string{"GAME_DATA_DIR=" + s.dir, "GAME_LOG_LEVEL=info"}
	run := []string{"run", "world", "--join", "--config", s.config}
	paused := spawn(t, environ, run...)

	one, two := s.connect(t, "one", false), s.connect(t, "two", false)
	one.enterSoon()
	two.enterSoon()
	ask[*pb.StartMatchReply](two, &pb.StartMatch{Mode: "arena"}) // whoever else wants a match meets him
	other := begin(t, environ, run...)
	ask[*pb.GreetReply](one, &pb.Greet{Greeting: "Hello"}) // and so he is to be saved in a moment
	pause(t, paused.process)
	late := make(chan error, 1)
	go func() { // it is in the world's socket when that goes on
		_, err := try[*pb.StartMatchReply](one, &pb.StartMatch{Mode: "arena"})
		late <- err
	}()
	if err := <-late; fault.CodeOf(err) != fault.Lost && fault.CodeOf(err) != fault.Deadline {
		t.Fatalf("a match is started at a world that stands still: %v", err)
	}
	await[*wirepb.Reset](one)
	one.enterSoon()
	count := ask[*pb.GreetReply](one, &pb.Greet{Greeting: "Hello"}).GetCount()
	if ends {
		s.awaitNoOwner(t, two.id)
	}

	goOn(t, paused.process)
	paused.printed(t, paused.stderr, `(another owner|lease lost|not saved)`)
	for range 20 { // a second in which a match would be made
		count++
		if n := ask[*pb.GreetReply](one, &pb.Greet{Greeting: "Hello"}).GetCount(); n != count {
			t.Fatalf("greeting %d is counted as %d", count, n)
		}
		time.Sleep(50 * time.Millisecond)
	}
	for len(one.pushes) > 0 {
		t.Errorf("he is told %v", <-one.pushes)
	}
	if ask[*pb.EnterWorldReply](one, &pb.EnterWorld{}).GetMatch() != nil {
		t.Error("he is in a match")
	}
	if err := one.Err(); err != nil {
		t.Errorf("his session has ended: %v", err)
	}

	// He goes on where the other one has left him, and not where the one that was paused had him.
	if ends || strings.Contains(paused.stderr.String(), "lease lost") { // a busy machine may have made the pause longer
		if code := paused.wait(t); code != 1 {
			t.Errorf("the world that was paused ended with code %d", code)
		}
		again := spawn(t, environ, run...)
		again.printed(t, again.stderr, `msg=ready`)
	}
	other.stop(t)
	one.enterSoon()
	if n := ask[*pb.GreetReply](one, &pb.Greet{Greeting: "Hello"}).GetCount(); n != count+1 {
		t.Errorf("greeting %d is counted as %d", count+1, n)
	}
	three := s.connect(t, "three", false)
	three.enterSoon()
	if n := ask[*pb.GreetReply](three, &pb.Greet{Greeting: "Hello"}).GetCount(); n != 1 {
		t.Errorf("a new player's first greeting is counted as %d", n)
	}
}

// awaitNoOwner waits until the lease of whatever world has the player has ended.
func (s *stack) awaitNoOwner(t *testing.T, player int64) {
	t.Helper()
	stores := storetest.Open(t, store.Config{
		DataDir: s.dir, Prefix: s.printed(t, s.stdout, `stack (\S+),`), Redis: store.RedisConfig{URL: config.Secret(s.embeddedRedis(t))},
	})
	owners := lease.NewOwners(stores, "player")
	had := false
	frameworktest.Eventually(t, "the player has no owner", func() bool {
		_, has, err := owners.Lookup(t.Context(), player)
		if err != nil {
			t.Fatal(err)
		}
		had = had || has
		return !has
	})
	if !had {
		t.Fatal("the player had no owner from the start")
	}
}

// TestPausedQueue stops the process of the queue that leads until the standby does, and has it go on: it does not do what it was still asked, nor drops whom it does not
// know, nor lets anybody in. It ends, its pod has it stand by again, and it leads when its turn comes.
func TestPausedQueue(t *testing.T) {
	requires(t, "public", "config")
	t.Parallel()
	narrow := strings.NewReplacer("queue: {settle", "queue: {capacity: 1, settle", "gate: {", "gate: {grace: 1s, ").Replace(withStandbys)
	s := &stack{dir: t.TempDir(), config: configFile(t, narrow+"world: {linger: 100ms, report_every: 500ms}\n"), environ: []string{envProgram + "=1"}}
	s.up(t, "--exec")
	inside := s.connect(t, "inside", false)
	inside.enterSoon()
	var line []*player
	stand := func(where string, all ...*player) {
		t.Helper()
		for i, p := range all {
			var status *pb.QueueStatus
			frameworktest.Eventually(t, "the queue answers", func() bool {
				var err error
				status, err = try[*pb.QueueStatus](p, &pb.EnterQueue{})
				return err == nil
			})
			if status.GetPass() != "" || status.GetPosition() != uint32(1+i) {
				t.Errorf("%s, number %d is told %v", where, 1+i, status)
			}
		}
	}
	for i := range 3 {
		line = append(line, s.connect(t, fmt.Sprint("in line ", i), false))
		if i < 2 {
			stand("at first", line...)
		}
	}

	rows := s.nodes(t)
	leader, standby := find(t, rows, "queue", "ready"), find(t, rows, "queue", "standby")
	pause(t, processOf(t, leader.pid))
	if _, err := try[*pb.LeftQueue](line[1], &pb.LeaveQueue{}); err == nil {
		t.Fatal("a queue that stands still answers")
	}
	s.becomes(t, "the standby leads", func(rows map[string]nodeRow) bool { return rows[standby.id].state == "ready" })
	stand("at the standby", line...)

	goOn(t, processOf(t, leader.pid))
	s.becomes(t, "the one that was paused stands by", func(rows map[string]nodeRow) bool {
		now := rows[leader.id]
		return now.state == "standby" && now.pid != leader.pid && rows[standby.id].state == "ready"
	})
	stand("after the other has gone on", line...)
	for i, p := range line {
		for len(p.pushes) > 0 {
			if m, ok := (<-p.pushes).(*pb.Admitted); ok {
				t.Errorf("number %d is let in: %v", 1+i, m)
			}
		}
	}

	_ = inside.Close() // and his place is free
	pass := await[*pb.Admitted](line[0]).GetPass()
	ask[*pb.EnterWorldReply](line[0], &pb.EnterWorld{Pass: pass})
	s.order(t, "stop", standby.id)
	s.becomes(t, "the one that was paused leads", func(rows map[string]nodeRow) bool { return rows[leader.id].state == "ready" })
	stand("at the one that was paused", line[1:]...)
	s.stop(t)
}

// pause stops a process, and returns when it stands still.
func pause(t *testing.T, p *os.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := func() bool { // the signal may take a moment to reach all threads, one of which could still serve the next request
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
		return err != nil || strings.Contains(string(stat), ") T ") // other systems do not say
	}
	for !stopped() {
		time.Sleep(time.Millisecond)
	}
}

// goOn ends a pause.
func goOn(t *testing.T, p *os.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// enterSoon enters as soon as there is a world.
func (p *player) enterSoon() {
	p.t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for late := time.Now().Add(patience); ; <-again.C {
		_, err := try[*pb.EnterWorldReply](p, &pb.EnterWorld{Pass: p.pass()})
		switch {
		case err == nil:
			return
		case time.Now().After(late):
			p.t.Fatalf("enter: %v", err)
		}
	}
}
