//go:build unix

package app_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/wire/wirepb"
	"loumiao/game/pb"
)

// TestPausedWorld stops the process of a player's world until another one has him, and has it go on: what it was still asked to do, and whatever else it takes
// for its own, has no effect on him.
func TestPausedWorld(t *testing.T) {
	t.Parallel()
	s := &stack{dir: t.TempDir(), config: configFile(t, quick+"world: {save_every: 500ms}\n")}
	s.up(t, "--without", "world")
	world := &command{stdout: newOutput(), stderr: newOutput(), done: make(chan struct{})}
	child := exec.Command(os.Args[0], "run", "world", "--join", "--config", s.config)
	child.Env = append(os.Environ(), envProgram+"=1", "GAME_DATA_DIR="+s.dir)
	child.Stdout, child.Stderr = world.stdout, world.stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = child.Wait() // it is killed at the end
		close(world.done)
	}()
	t.Cleanup(func() {
		_ = child.Process.Kill()
		<-world.done
		if t.Failed() {
			t.Logf("the world that was paused:\n%s%s", world.stdout, world.stderr)
		}
	})

	one, two := s.connect(t, "one", false), s.connect(t, "two", false)
	one.enterSoon()
	two.enterSoon()
	ask[*pb.StartMatchReply](two, &pb.StartMatch{Mode: "arena"}) // whoever else wants a match meets him
	begin(t, []string{"GAME_DATA_DIR=" + s.dir}, "run", "world", "--join", "--config", s.config)
	ask[*pb.GreetReply](one, &pb.Greet{Greeting: "Hello"}) // and so he is to be saved in a moment
	signal := func(sig syscall.Signal) {
		t.Helper()
		if err := child.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	stopped := func() bool { // the signal may take a moment to reach all threads, one of which could still serve the next request
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child.Process.Pid))
		return err != nil || strings.Contains(string(stat), ") T ") // other systems do not say
	}
	for !stopped() {
		time.Sleep(time.Millisecond)
	}
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

	signal(syscall.SIGCONT)
	world.printed(t, world.stderr, `(another owner|lease lost|not saved)`)
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
