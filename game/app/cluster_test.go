package app_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/pb"
)

// TestStack plays through everything that a player can do, with two of them, and again after a restart.
func TestStack(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	eachStack(t, func(t *testing.T, s *stack) {
		s.up(t)
		status, metrics := get(t, s.printed(t, s.stdout, `curl (http://\S+/metrics)`))
		if status != 200 || !strings.Contains(metrics, "# TYPE") {
			t.Errorf("metrics of the pod: status %d, %.200q", status, metrics)
		}

		one, two := s.connect(t, "one", false), s.connect(t, "two", true)
		refusals(t, one)
		for _, p := range []*player{one, two} {
			if profile := p.enter().GetProfile(); profile.GetPlayer() != p.id || profile.GetArea() != 1 || profile.GetLevel() != 1 {
				t.Fatalf("the profile of player %d in area 1: %v", p.id, profile)
			}
		}
		for want := int64(1); want <= 3; want++ {
			if reply := ask[*pb.GreetReply](one, &pb.Greet{Greeting: "Hello"}); reply.GetCount() != want {
				t.Fatalf("greeting %d is counted as %d", want, reply.GetCount())
			}
		}

		ended := fight(t, one, two)
		again := s.connect(t, "one", true)
		replaced(t, one, again)
		if profile := ask[*pb.GetProfileReply](again, &pb.GetProfile{}).GetProfile(); !maps.Equal(profile.GetWallet(), ended.GetWallet()) {
			t.Errorf("the wallet is %v in the second session and was %v", profile.GetWallet(), ended.GetWallet())
		}

		refused(t, s)
		s.stop(t)
		for _, p := range []*player{two, again} {
			<-p.Done()
			if code := fault.CodeOf(p.Err()); code != fault.ShuttingDown {
				t.Errorf("the session ended with %v; want %v", p.Err(), fault.ShuttingDown)
			}
		}

		s.up(t)
		back := s.connect(t, "one", false)
		if back.id != one.id {
			t.Fatalf("the device's player is %d after the restart and was %d", back.id, one.id)
		}
		profile := back.enter().GetProfile()
		if !maps.Equal(profile.GetWallet(), ended.GetWallet()) || profile.GetRating() != ended.GetRating() || profile.GetExp() != ended.GetExp() {
			t.Errorf("the profile after the restart is\n%v\nand was\n%v", profile, ended)
		}
		if reply := ask[*pb.GreetReply](back, &pb.Greet{Greeting: "Hello"}); reply.GetCount() != 4 {
			t.Errorf("the first greeting after the restart is counted as %d; want 4", reply.GetCount())
		}
		s.stop(t)
	})
}

// refusals is what a session may not do before it has entered.
func refusals(t *testing.T, p *player) {
	t.Helper()
	if _, err := try[*pb.GreetReply](p, &pb.Greet{Greeting: "Hello"}); fault.CodeOf(err) != fault.FailedPrecondition {
		t.Errorf("greeting before entering: %v; want %v", err, fault.FailedPrecondition)
	}
	if _, err := try[*pb.EnterWorldReply](p, &pb.EnterWorld{Pass: "of somebody else"}); fault.CodeOf(err) == fault.OK || fault.CodeOf(err) == fault.Internal {
		t.Errorf("entering with a made up pass: %v", err)
	}
	_, err := try[*pb.GreetReply](p, &pb.Greet{Greeting: "Hello"})
	if code := fault.CodeOf(err); code != fault.FailedPrecondition && code != fault.NotOwner && code != fault.Unavailable {
		t.Errorf("greeting after a refused entry: %v", err)
	}
}

// fight has both players fight a match, and returns the profile of the first after it.
func fight(t *testing.T, players ...*player) *pb.Profile {
	t.Helper()
	before := map[int64]map[string]int64{}
	for _, p := range players {
		before[p.id] = p.ledger()
		ask[*pb.StartMatchReply](p, &pb.StartMatch{Mode: "arena"})
	}
	var found []*pb.MatchFound
	for _, p := range players {
		m := await[*pb.MatchFound](p)
		if !slices.Contains(m.GetPlayers(), p.id) || m.GetMatch() == 0 {
			t.Fatalf("player %d is told of the match %v", p.id, m)
		}
		found = append(found, m)
	}
	if found[0].GetMatch() != found[1].GetMatch() {
		t.Fatalf("two players who wait get two matches: %v", found)
	}
	for i, p := range players {
		joined := ask[*pb.JoinRoomReply](p, &pb.JoinRoom{Room: found[i].GetRoom()})
		if joined.GetPlayers()[joined.GetShip()] != p.id {
			t.Errorf("player %d has the ship %d of %v", p.id, joined.GetShip(), joined.GetPlayers())
		}
	}
	for i, p := range players {
		if err := p.Send(&pb.RoomInput{Room: found[i].GetRoom(), Input: 1, Number: 1}); err != nil {
			t.Fatal(err)
		}
		if first := await[*pb.Snapshot](p); first.GetSince() != 0 {
			t.Errorf("the first snapshot builds on tick %d; want a keyframe", first.GetSince())
		}
	}
	var profiles []*pb.Profile
	var places []int32
	for i, p := range players {
		ended := await[*pb.MatchEnded](p)
		result, profile := ended.GetResult(), ended.GetProfile()
		if result.GetMatch() != found[i].GetMatch() || result.GetPlayers() != 2 || len(result.GetReward()) == 0 {
			t.Errorf("player %d is told of the result %v of match %d", p.id, result, found[i].GetMatch())
		}
		ledger := p.ledger()
		if !maps.Equal(ledger, profile.GetWallet()) {
			t.Errorf("player %d: the ledger adds up to %v, and the wallet has %v", p.id, ledger, profile.GetWallet())
		}
		for currency, amount := range result.GetReward() {
			if got := ledger[currency] - before[p.id][currency]; got != amount {
				t.Errorf("player %d: the match gave %d %s by the ledger and %d by its result", p.id, got, currency, amount)
			}
		}
		history := ask[*pb.GetMatchesReply](p, &pb.GetMatches{}).GetMatches()
		if len(history) != 1 || history[0].GetMatch() != result.GetMatch() {
			t.Errorf("player %d: the history after one match is %v", p.id, history)
		}
		profiles, places = append(profiles, profile), append(places, result.GetPlace())
	}
	if slices.Sort(places); !slices.Equal(places, []int32{1, 2}) && !slices.Equal(places, []int32{1, 1}) {
		t.Errorf("the places are %v", places)
	}
	return profiles[0]
}

// replaced has the second session of a player enter, which ends the first.
func replaced(t *testing.T, first, second *player) {
	t.Helper()
	second.enter()
	select {
	case <-first.Done():
	case <-time.After(patience):
		t.Fatal("the first session goes on after the player's second login")
	}
	if fault.CodeOf(first.Err()) != fault.Replaced {
		t.Errorf("the first session ended with %v; want %v", first.Err(), fault.Replaced)
	}
}

// refused has a second stack fail on the data directory of one that runs.
func refused(t *testing.T, s *stack) {
	t.Helper()
	code, _, stderr := run(t, s.environ, "up", "--data", s.dir, "--config", s.config)
	if code != 1 || !strings.Contains(stderr, "another stack runs on the data directory") {
		t.Errorf("a second stack on the data directory: code %d, %s", code, stderr)
	}
}

// TestProcesses is the stack with a process for each node.
func TestProcesses(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	s := &stack{dir: t.TempDir(), config: configFile(t, quick), environ: []string{envProgram + "=1"}}
	s.up(t, "--exec")
	p := s.connect(t, "alone", false)
	p.enter()
	if reply := ask[*pb.GreetReply](p, &pb.Greet{Greeting: "Hello"}); reply.GetCount() != 1 {
		t.Errorf("the first greeting is counted as %d", reply.GetCount())
	}
	s.stop(t)
	<-p.Done()
	if stderr := s.stderr.String(); strings.Contains(stderr, "ERROR") || strings.Contains(stderr, "killed") {
		t.Errorf("an orderly stop logs errors:\n%s", stderr)
	}
	s.up(t)
	if reply := s.connect(t, "alone", true).enter(); reply.GetProfile().GetPlayer() != p.id {
		t.Errorf("the player is %d after the restart and was %d", reply.GetProfile().GetPlayer(), p.id)
	}
	s.stop(t)
}

// TestJoinedNode is a stack that lacks a type of node, which then joins it from another process of its own and is stopped again with
// "down" and with Ctrl-C.
func TestJoinedNode(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	s := &stack{dir: t.TempDir(), config: configFile(t, quick)}
	s.up(t, "--without", "world")
	p := s.connect(t, "alone", false)
	if _, err := try[*pb.EnterWorldReply](p, &pb.EnterWorld{Pass: "x"}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("entering without a world: %v; want %v", err, fault.Unavailable)
	}
	environ := []string{"GAME_DATA_DIR=" + s.dir, "GAME_LOG_LEVEL=info"}
	world := begin(t, environ, "run", "world", "--join", "--config", s.config)
	world.printed(t, world.stderr, `ready`)
	pass := p.pass()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for { // until the gate has heard of the world
		_, err := try[*pb.EnterWorldReply](p, &pb.EnterWorld{Pass: pass})
		if err == nil {
			break
		}
		if fault.CodeOf(err) != fault.Unavailable {
			t.Fatalf("entering the world that has joined: %v", err)
		}
		<-again.C
	}
	world.stop(t)

	if code, stdout, stderr := run(t, environ, "down", "--config", s.config); code != 0 || stdout != "stopped\n" {
		t.Errorf("down: code %d\n%s%s", code, stdout, stderr)
	}
	if code := s.wait(t); code != 0 {
		t.Errorf("the stack ends with code %d after down", code)
	}
	if code, _, stderr := run(t, environ, "down", "--config", s.config); code != 1 || !strings.Contains(stderr, "no stack is running") {
		t.Errorf("down without a stack: code %d\n%s", code, stderr)
	}
}

// TestRelayedStack is a stack whose nodes call each other through relays, which do not run at first: then nothing can be called, and once they do, everything can.
func TestRelayedStack(t *testing.T) {
	requires(t, "rpcgate", "match", "zone")
	t.Parallel()
	relayed := []string{"GAME_RPC_ROUTE=relay"}
	s := &stack{dir: t.TempDir(), config: configFile(t, quick), environ: relayed}
	s.up(t, "--without", "rpcgate")
	p := s.connect(t, "alone", false)
	pass := p.pass()
	if _, err := try[*pb.EnterWorldReply](p, &pb.EnterWorld{Pass: pass}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("entering without relays: %v; want %v", err, fault.Unavailable)
	}
	relay := begin(t, append(relayed, "GAME_DATA_DIR="+s.dir, "GAME_LOG_LEVEL=info"), "run", "rpcgate", "--join", "--config", s.config)
	relay.printed(t, relay.stderr, `ready`)
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for { // until the world has heard of it
		_, err := try[*pb.EnterWorldReply](p, &pb.EnterWorld{Pass: pass})
		if err == nil {
			break
		}
		if fault.CodeOf(err) != fault.Unavailable {
			t.Fatalf("entering with relays: %v", err)
		}
		<-again.C
	}
	s.stop(t) // and with it the Redis of the relay, which ends by itself at the end of the test

	s.up(t) // with those that the pod runs by itself
	one, two := s.connect(t, "alone", true), s.connect(t, "other", false)
	for _, p := range []*player{one, two} {
		p.enter()
	}
	fight(t, one, two)
	s.stop(t)
	if n := strings.Count(s.stdout.String(), "\n  rpcgate "); n != 2 {
		t.Errorf("the pod runs %d relays, want 2", n)
	}
	if stderr := s.stderr.String(); strings.Contains(stderr, "ERROR") {
		t.Errorf("errors:\n%s", stderr)
	}
}

// TestRobots has the robots of the program play on the stack, in both modes and over direct lines.
func TestRobots(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	alone := strings.ReplaceAll(quick, "min_players: 2", "min_players: 1, patience: 500ms") // nobody waits for the last one's match
	s := &stack{dir: t.TempDir(), config: configFile(t, alone)}
	s.up(t)
	report := s.dir + "/report.json"
	for _, long := range []string{"3s", "1m"} { // on a busy machine nobody comes as far as the end of a match in the first
		code, stdout, stderr := run(t, nil, "robot", "--login", s.login.Base, "--robots", "4", "--for", long, "--quiet", "--report", report,
			"--mix", "arena,duel-frame", "--direct", "1")
		if code == 0 {
			if long == "3s" && strings.Contains(stdout, "its result: not checked") {
				continue // or as far as a match of the other mode
			}
			if !strings.Contains(stdout, "direct.open") || strings.Contains(stdout, "its result: not checked") {
				t.Errorf("the robots have no direct lines, or play one mode only:\n%s", stdout)
			}
			break
		}
		if long != "3s" || !strings.Contains(stdout, "\n  nobody ") || strings.Contains(stdout, "BROKEN") {
			t.Errorf("robots: code %d\n%s%s", code, stdout, stderr)
			break
		}
	}
	s.stop(t)
}
