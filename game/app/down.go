package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"
)

const (
	stopPoll = 200 * time.Millisecond // how often "up" looks whether it should stop, and "down" whether it has
	downWait = 2 * time.Minute        // how long "down" waits
)

func (p *program) down() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "down", Short: "Stop the backend that \"up\" runs on the data directory", Args: noArgs,
		Long: `down asks a running "game up" to stop in order, as Ctrl-C does in its terminal, and waits until it has.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config()
			if err != nil {
				return err
			}
			if data == "" {
				data = cfg.DataDir
			}
			return p.runDown(cmd.Context(), data)
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "data `directory`; default: data_dir of the configuration")
	return cmd
}

// runDown leaves a request in the data directory, which works on every system, and waits until the directory is free.
func (p *program) runDown(ctx context.Context, data string) error {
	switch locked, err := isLocked(data); {
	case err != nil:
		return err
	case !locked:
		return fmt.Errorf("%w; --data DIR names another one", errNoStack(data))
	}
	if err := os.WriteFile(stopPath(data), nil, 0o600); err != nil {
		return err
	}
	defer os.Remove(stopPath(data))
	ctx, cancel := context.WithTimeout(ctx, downWait)
	defer cancel()
	lock := flock.New(lockPath(data))
	if _, err := lock.TryLockContext(ctx, stopPoll); err != nil {
		return fmt.Errorf("the stack on %s has not stopped: %w", data, err)
	}
	defer lock.Unlock()
	_ = os.Remove(runningPath(data)) // of a stack that was killed
	fmt.Fprintln(p.stdout, "stopped")
	return nil
}

func stopPath(data string) string { return filepath.Join(data, "stop") }

// watchStop calls stop when "down" asks for it.
func watchStop(ctx context.Context, data string, stop func()) {
	tick := time.NewTicker(stopPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := os.Stat(stopPath(data)); !errors.Is(err, fs.ErrNotExist) {
				stop()
				return
			}
		}
	}
}
