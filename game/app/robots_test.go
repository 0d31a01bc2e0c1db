package app_test

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	orders "loumiao/game/command"
	"loumiao/robot"
)

// TestRobotNodes has an operator let two nodes of robots play on a stack, and reads what they report: the truth was told to them all, of the welcome in their
// mails too, and what they told the keypoint web is as it is declared.
func TestRobotNodes(t *testing.T) {
	requires(t, "public", "config", "robot", "keypoint", "match", "zone", "world")
	t.Parallel()
	var free [2]string // robots log in, and tell of their ways, where the configuration says, so those must be addresses
	var taken [2]net.Listener
	for i := range free {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		free[i] = listener.Addr().String()
		taken[i] = listener // so that the next one gets another port
	}
	for _, listener := range taken {
		listener.Close()
	}
	config := strings.Replace(quick, "config: 1", "config: 1, public: 1, robot: 2, keypoint: 1", 1)
	config = strings.Replace(config, "login: {listen: 127.0.0.1:0}", "login: {listen: "+free[0]+"}", 1)
	config += "keypoint: {listen: \"" + free[1] + "\", keys: [{app: arena, key: what-clients-write-with}]}\n"
	s := &stack{dir: t.TempDir(), config: configFile(t, config)}
	s.up(t)
	robots := func(args ...string) (all orders.RobotRuns) {
		t.Helper()
		code, stdout, stderr := run(t, s.cliEnv(), append([]string{"robots", "--json", "--config", s.config}, args...)...)
		if code != 0 || json.Unmarshal([]byte(stdout), &all) != nil || len(all.Nodes) != 2 {
			t.Fatalf("game robots %s: code %d, %s%s", strings.Join(args, " "), code, stdout, stderr)
		}
		return all
	}
	start := []string{"run", "--robots", "4", "--for", "3s", "--mix", "arena=1", "--fail-over", "keypoint.event.errors=0"}
	for _, n := range robots(start...).Nodes {
		if !n.Plays || n.Robots != 2 {
			t.Errorf("node %d has not begun: %+v", n.Node, n)
		}
	}
	if code, _, stderr := run(t, s.cliEnv(), append([]string{"robots", "--config", s.config}, start...)...); code != 1 || !strings.Contains(stderr, "is on") {
		t.Errorf("a second run: code %d, %s", code, stderr)
	}
	var all orders.RobotRuns
	for late := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if all = robots(); !all.Nodes[0].Plays && !all.Nodes[1].Plays {
			break
		}
		if time.Now().After(late) {
			t.Fatalf("the run does not end: %+v", all)
		}
	}
	for _, n := range all.Nodes {
		var r robot.Report
		if err := json.Unmarshal(n.Report, &r); err != nil {
			t.Fatalf("node %d: %v", n.Node, err)
		}
		if r.Robots != 2 || r.Requests.Count == 0 || r.Failed() || r.Interrupted {
			t.Errorf("node %d: %s", n.Node, n.Report)
		}
		mails, events := false, false
		for _, i := range r.Invariants {
			mails = mails || strings.Contains(i.Name, "what is in a mail") && i.Checked > 0
		}
		for _, o := range r.Operations {
			events = events || o.Name == "keypoint.event" && o.Count > 0
		}
		if !mails || !events || len(r.Thresholds) != 1 {
			t.Errorf("node %d: mails were claimed as they should be: %t; key points told: %t; %s", n.Node, mails, events, n.Report)
		}
	}
	code, stdout, _ := run(t, s.cliEnv(), "robots", "--config", s.config)
	if code != 0 || strings.Count(stdout, " over ") != 3 || !strings.Contains(stdout, "all") {
		t.Errorf("game robots: code %d\n%s", code, stdout)
	}
}
