package app_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"loumiao/framework/fault"
	"loumiao/game/pb"
)

// withStandbys is [quick] with all that has standbys, which operators' commands need.
var withStandbys = strings.Replace(strings.Replace(quick, "config: 1", "config: 2, public: 2", 1), "queue: 1", "queue: 2", 1)

// A nodeRow is what "game nodes" prints of a node.
type nodeRow struct{ typ, id, state, pid, restarts, failure string }

var nodeLine = regexp.MustCompile(`(?m)^(\w+) +(\d+) +(?:\d+|-) +(\w+) +(\S+) +(\d+|-) +\S+ +(?:-|\d+ \w+) +(\d+) +(.*)$`)

// nodes is what it prints, by id.
func (s *stack) nodes(t *testing.T) map[string]nodeRow {
	t.Helper()
	code, stdout, stderr := run(t, s.cliEnv(), "nodes", "--config", s.config)
	if code != 0 {
		t.Fatalf("game nodes: code %d, %s", code, stderr)
	}
	rows := map[string]nodeRow{}
	for _, m := range nodeLine.FindAllStringSubmatch(stdout, -1) {
		rows[m[2]] = nodeRow{typ: m[1], id: m[2], state: m[3], pid: m[5], restarts: m[6], failure: m[7]}
	}
	return rows
}

func (s *stack) cliEnv() []string { return append([]string{"GAME_DATA_DIR=" + s.dir}, s.environ...) }

// order is a subcommand of "game nodes", which must succeed.
func (s *stack) order(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := run(t, s.cliEnv(), append([]string{"nodes", "--config", s.config}, args...)...)
	if code != 0 {
		t.Fatalf("game nodes %s: code %d, %s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// becomes waits until what "game nodes" prints is so.
func (s *stack) becomes(t *testing.T, what string, so func(map[string]nodeRow) bool) map[string]nodeRow {
	t.Helper()
	for late := time.Now().Add(patience); ; {
		rows := s.nodes(t)
		if so(rows) {
			return rows
		}
		if time.Now().After(late) {
			t.Fatalf("it does not come to be that %s: %v", what, rows)
		}
	}
}

// find is the node of a type in a state.
func find(t *testing.T, rows map[string]nodeRow, typ, state string) nodeRow {
	t.Helper()
	for _, r := range rows {
		if r.typ == typ && r.state == state {
			return r
		}
	}
	t.Fatalf("no %s is %s: %v", typ, state, rows)
	return nodeRow{}
}

// TestNodes gives orders to the nodes of a stack: standbys are there from the start, and take over.
func TestNodes(t *testing.T) {
	requires(t, "public", "config")
	t.Parallel()
	s := &stack{dir: t.TempDir(), config: configFile(t, withStandbys)}
	s.up(t)
	if got := strings.Count(s.stdout.String(), "(standby)"); got != 3 {
		t.Errorf("up shows %d standbys, and there are 3", got)
	}
	rows := s.becomes(t, "everything is up", func(rows map[string]nodeRow) bool {
		states := map[string]int{}
		for _, r := range rows {
			states[r.state]++
		}
		return states["standby"] == 3 && states["ready"] == len(rows)-3
	})
	for _, typ := range []string{"config", "queue", "public"} {
		find(t, rows, typ, "ready")
		find(t, rows, typ, "standby")
	}

	for _, typ := range []string{"queue", "public"} { // public does it itself
		leader, standby := find(t, rows, typ, "ready"), find(t, rows, typ, "standby")
		s.order(t, "stop", leader.id, "--reason", "a test")
		s.becomes(t, "the standby leads", func(rows map[string]nodeRow) bool {
			return rows[leader.id].state == "stopped" && rows[standby.id].state == "ready"
		})
		s.order(t, "start", leader.id)
		s.becomes(t, "the old leader stands by", func(rows map[string]nodeRow) bool { return rows[leader.id].state == "standby" })
	}

	world := find(t, rows, "world", "ready")
	if said := s.order(t, "drain", world.id); said != "world "+world.id+" is draining\n" {
		t.Errorf("drain says %q", said)
	}
	if state := s.nodes(t)[world.id].state; state != "draining" {
		t.Errorf("the world is %s", state)
	}
	if said := s.order(t, "start", world.id); said != "world "+world.id+" is ready\n" {
		t.Errorf("start says %q", said)
	}
	s.order(t, "restart", world.id)
	s.becomes(t, "the world is back", func(rows map[string]nodeRow) bool {
		return rows[world.id].state == "ready"
	})
	p := s.connect(t, "one", false)
	pass := p.pass()
	s.becomes(t, "the gate knows the world", func(map[string]nodeRow) bool {
		_, err := try[*pb.EnterWorldReply](p, &pb.EnterWorld{Pass: pass})
		if err != nil && fault.CodeOf(err) != fault.Unavailable {
			t.Fatal(err)
		}
		return err == nil
	})
	for _, bad := range [][]string{{"stop", "9999"}, {"stop", "1"}, {"log", "9999"}} {
		if code, _, stderr := run(t, s.cliEnv(), append([]string{"nodes", "--config", s.config}, bad...)...); code != 1 || !strings.HasPrefix(stderr, "error: there is no node") {
			t.Errorf("%v: code %d, %s", bad, code, stderr)
		}
	}
	s.stop(t)
}

// TestProcessesOfAPod has one process be killed, which is started again, and then the pod, which none of them outlives.
func TestProcessesOfAPod(t *testing.T) {
	requires(t, "public", "config")
	t.Parallel()
	s := &stack{dir: t.TempDir(), config: configFile(t, strings.Replace(withStandbys, "level: warn", "level: info", 1))}
	pod := spawn(t, nil, "up", "--exec", "--data", s.dir, "--config", s.config)
	pod.printed(t, pod.stdout, "ready in")

	rows := s.nodes(t)
	victim := find(t, rows, "world", "ready")
	kill(t, victim.pid)
	again := s.becomes(t, "the world is started again", func(rows map[string]nodeRow) bool {
		now := rows[victim.id]
		return now.state == "ready" && now.pid != victim.pid && now.pid != "-"
	})[victim.id]
	if again.restarts == "0" || !strings.Contains(again.failure, "ago: process "+victim.pid) {
		t.Errorf("the world after its end: %+v", again)
	}
	s.becomes(t, "the log has both lives", func(map[string]nodeRow) bool { // the last line may be on its way
		return strings.Count(s.order(t, "log", victim.id, "--lines", "0"), "msg=ready") >= 2
	})

	// The lead of the queue goes on, whoever has it then.
	kill(t, find(t, rows, "queue", "ready").pid)
	rows = s.becomes(t, "a queue leads", func(rows map[string]nodeRow) bool {
		ready, standby := 0, 0
		for _, r := range rows {
			if r.typ == "queue" && r.state == "ready" {
				ready++
			}
			if r.typ == "queue" && r.state == "standby" {
				standby++
			}
		}
		return ready == 1 && standby == 1
	})

	var pids []string
	for _, r := range rows {
		if r.typ != "pod" && r.pid != "-" {
			pids = append(pids, r.pid)
		}
	}
	if len(pids) < 10 {
		t.Errorf("only %d processes: %v", len(pids), rows)
	}
	if err := pod.process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-pod.done
	for late := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		left := 0
		for _, pid := range pids {
			if lives(t, pid) {
				left++
			}
		}
		if left == 0 {
			break
		}
		if time.Now().After(late) {
			t.Fatalf("%d processes outlive their pod", left)
		}
	}
}

// processOf is the process of a number.
func processOf(t *testing.T, pid string) *os.Process {
	t.Helper()
	number, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatalf("%q is no process", pid)
	}
	p, err := os.FindProcess(number)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func kill(t *testing.T, pid string) {
	t.Helper()
	if err := processOf(t, pid).Kill(); err != nil {
		t.Fatal(err)
	}
}

// lives is whether the process is there, and not only its exit code, which nobody has asked for.
func lives(t *testing.T, pid string) bool {
	t.Helper()
	p, err := process.NewProcessWithContext(t.Context(), int32(processOf(t, pid).Pid))
	if err != nil {
		return false
	}
	status, err := p.StatusWithContext(t.Context())
	return err == nil && !slices.Contains(status, process.Zombie)
}
