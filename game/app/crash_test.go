package app_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"loumiao/framework/store"
)

// TestKilledStack is a stack that is killed: no command takes it for one that runs, and it can be started again at once.
func TestKilledStack(t *testing.T) {
	requires(t, "match", "zone")
	t.Parallel()
	s := &stack{dir: t.TempDir(), config: configFile(t, quick)}
	victim := spawn(t, nil, "up", "--data", s.dir, "--config", s.config)
	victim.printed(t, victim.stdout, "ready in")
	if err := victim.process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-victim.done

	environ := []string{"GAME_DATA_DIR=" + s.dir}
	code, _, stderr := run(t, environ, "run", "db", "--join", "--config", s.config)
	if code != 1 || !strings.Contains(stderr, "no stack is running") || !strings.Contains(stderr, "--join=HOST:PORT") {
		t.Errorf("joining the dead stack: code %d, %s", code, stderr)
	}
	code, stdout, stderr := run(t, environ, "down", "--config", s.config)
	if code != 1 || stdout != "" || !strings.Contains(stderr, "no stack is running") || strings.Contains(stderr, "--join") {
		t.Errorf("stopping the dead stack: code %d, %s%s", code, stdout, stderr)
	}
	s.up(t)
	s.stop(t)
}

// TestWaitingForClaims has a stack find a claim of a pod that does not run any more: it says what it waits for, and Ctrl-C ends that.
func TestWaitingForClaims(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if code, _, stderr := run(t, []string{"GAME_DATA_DIR=" + dir}, "migrate"); code != 0 {
		t.Fatal(stderr)
	}
	leave(t, dir, time.Hour)
	up := begin(t, nil, "up", "--data", dir, "--config", configFile(t, quick))
	up.printed(t, up.stderr, `waiting up to (1h0m0s|59m\d+s) for the claims of a dead pod on the ids of 1 node to end`)
	up.stop(t)
	if up.stdout.String() != "" || strings.Count(up.stderr.String(), "\n") != 1 {
		t.Errorf("it also says\n%s%s", up.stdout, up.stderr)
	}
}

// leave leaves a claim of the first pod's number in the data directory.
func leave(t *testing.T, dir string, left time.Duration) {
	t.Helper()
	stores, err := store.Open(t.Context(), store.Config{DataDir: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer stores.Close()
	db, err := stores.SQL("cluster")
	if err != nil {
		t.Fatal(err)
	}
	err = store.InTx(t.Context(), db, func(tx *gorm.DB) error {
		now, err := store.Clock(tx)
		if err != nil {
			return err
		}
		return tx.Exec("INSERT INTO node_ids (node, boot, holder, alive_until) VALUES (1, 1, 'a dead pod', ?)", now+left.Milliseconds()).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}
