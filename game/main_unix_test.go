//go:build unix

package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"loumiao/game/app"
)

// asGame has the test binary be the program.
const asGame = "TEST_AS_GAME"

func TestMain(m *testing.M) {
	if os.Getenv(asGame) != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestSignals: each signal that ends a program ends this one in order.
func TestSignals(t *testing.T) {
	environ := []string{asGame + "=1", "GAME_DATA_DIR=" + t.TempDir()}
	if code := app.Run(t.Context(), []string{"migrate"}, environ[1:], strings.NewReader(""), io.Discard, os.Stderr); code != 0 {
		t.Fatalf("migrate: %d", code)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, ending := range endings(signal.Ignored) {
		cmd := exec.CommandContext(ctx, os.Args[0], "run", "db")
		cmd.Env = environ
		out, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var said []string
		for lines := bufio.NewScanner(out); lines.Scan(); {
			said = append(said, lines.Text())
			if strings.Contains(lines.Text(), "msg=ready") {
				_ = cmd.Process.Signal(ending)
			}
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: the node ended with %v:\n%s", ending, err, strings.Join(said, "\n"))
		}
	}
}

func TestNohup(t *testing.T) {
	ends := func(ignored bool) bool {
		return slices.Contains(endings(func(os.Signal) bool { return ignored }), os.Signal(syscall.SIGHUP))
	}
	if ends(true) || !ends(false) {
		t.Error("a closed terminal is to end the program unless that is ignored")
	}
}
