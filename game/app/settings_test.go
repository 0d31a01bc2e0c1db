package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConfigCommand changes settings of a stack that runs, and finds them after its restart, when the embedded Redis has lost everything.
func TestConfigCommand(t *testing.T) {
	requires(t, "config")
	t.Parallel()
	dir := t.TempDir()
	file := configFile(t, "pod: {nodes: {config: 1}}\nlog: {level: warn}\ndata_dir: "+filepath.Join(dir, "data")+"\n")
	do := func(wantCode int, want string, args ...string) {
		t.Helper()
		code, stdout, stderr := run(t, nil, append([]string{"config", "--config", file}, args...)...)
		if code != wantCode || !strings.Contains(stdout+stderr, want) {
			t.Errorf("game config %s: code %d, want %d and %q:\n%s%s", strings.Join(args, " "), code, wantCode, want, stdout, stderr)
		}
	}
	do(1, "no stack is running", "list")
	do(2, "2 arguments are needed", "set", "x")
	do(1, "there is no draft", "diff")

	up := begin(t, nil, "up", "--config", file)
	up.printed(t, up.stdout, "ready in")
	do(0, "as the nodes' files say", "list")
	do(0, "1 change, for version 0", "set", "queue.capacity", "50", "--area", "2")
	do(0, "1 change, for version 0", "set", "queue.capacity", "60", "--area", "2")
	do(0, "+ 60", "diff")
	do(1, "the reason must be given", "publish", "--author", "ann")
	do(0, "published version 1", "publish", "--reason", "first", "--author", "ann")
	do(0, "60", "get", "queue.capacity", "--area", "2")
	do(1, "nothing is published", "get", "queue.capacity")

	table := filepath.Join(dir, "items.csv")
	if err := os.WriteFile(table, []byte("id,kind,stack,sell,use,keep\nsword,weapon,1,,,no\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	do(0, "1 change, for version 1", "set", "tables.items", "@"+table)
	do(1, "items.csv:2: kind: is \"weapon\"", "publish", "--reason", "second", "--author", "ann")
	do(1, "items.csv:2: kind: is \"weapon\"", "diff")
	do(0, "", "discard")
	do(0, "1 change, for version 1", "unset", "queue.capacity", "--area", "2")
	do(0, "published version 2", "publish", "--reason", "second", "--author", "ann")
	do(2, "not the number of a version", "rollback", "x", "--reason", "y")
	do(0, "published version 3, which is what version 1 had", "rollback", "1", "--reason", "third", "--author", "bob")
	up.stop(t)

	up = begin(t, nil, "up", "--config", file)
	up.printed(t, up.stdout, "ready in")
	do(0, "60", "get", "queue.capacity", "--area", "2")
	do(0, "by bob: third", "history", "--limit", "1")
}
