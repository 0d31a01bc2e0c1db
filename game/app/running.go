package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lockPatience is how long "up" tries to lock the data directory: "down" and "run --join" hold the lock for moments, to see whether anybody does.
const lockPatience = time.Second

// lockData keeps a second stack out of the data directory.
func lockData(ctx context.Context, dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock := flock.New(lockPath(dir))
	trying, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	_, err = lock.TryLockContext(trying, lockPatience/10)
	switch {
	case err == nil:
		return func() { _ = lock.Unlock() }, nil
	case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("another stack runs on the data directory %s; stop it, or give this one its own with --data DIR", dir)
	}
	return nil, fmt.Errorf("lock the data directory: %w", err)
}

// isLocked reports whether a stack runs on the data directory, or starts or stops there. What one that was killed has left is removed.
func isLocked(dir string) (bool, error) {
	if _, err := os.Stat(lockPath(dir)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	lock := flock.New(lockPath(dir))
	ours, err := lock.TryLock()
	if err != nil {
		return false, fmt.Errorf("look at the lock of the data directory: %w", err)
	}
	if !ours {
		return true, nil
	}
	_ = os.Remove(runningPath(dir))
	return false, lock.Unlock()
}

func lockPath(dir string) string { return filepath.Join(dir, "lock") }

// errNoStack says that no stack runs on the data directory.
func errNoStack(dir string) error {
	return fmt.Errorf("no stack is running on the data directory %s", dir)
}

// running is what "up" leaves in the data directory while it runs, for "run --join".
type running struct {
	Seeds []string `json:"seeds"`           // gossip addresses
	Redis string   `json:"redis,omitempty"` // of the embedded Redis
}

func runningPath(dir string) string { return filepath.Join(dir, "running.json") }

func writeRunning(dir string, r running) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(runningPath(dir), data, 0o600)
}

// readRunning is what the stack that runs on the data directory has written.
func readRunning(dir string) (r running, err error) {
	locked, err := isLocked(dir)
	if err != nil {
		return r, err
	}
	if !locked {
		return r, fmt.Errorf("%w; start one with \"game up\", or give --join=HOST:PORT", errNoStack(dir))
	}
	data, err := os.ReadFile(runningPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("the stack on the data directory %s is not ready; wait for it, or give --join=HOST:PORT", dir)
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("%s: %w", runningPath(dir), err)
	}
	return r, nil
}
