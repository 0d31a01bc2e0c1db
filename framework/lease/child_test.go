package lease_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gorm.io/gorm"

	"loumiao/framework/config"
	"loumiao/framework/lease"
	"loumiao/framework/store"
)

// Tests that need another process run this binary again, with the child's part in the environment.
const (
	envChild  = "LEASE_TEST_CHILD" // "world" or "singleton"
	envDir    = "LEASE_TEST_DIR"
	envPrefix = "LEASE_TEST_PREFIX"
	envDSN    = "LEASE_TEST_DSN"
	envRedis  = "LEASE_TEST_REDIS"
)

func TestMain(m *testing.M) {
	if part := os.Getenv(envChild); part != "" {
		if err := playChild(part); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func playChild(part string) error {
	cfg := store.Config{DataDir: os.Getenv(envDir), Prefix: os.Getenv(envPrefix)}
	cfg.SQL.DSN, cfg.Redis.URL = config.Secret(os.Getenv(envDSN)), config.Secret(os.Getenv(envRedis))
	s, err := store.Open(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer s.Close()
	db, err := s.SQL("cluster")
	if err != nil {
		return err
	}
	orders := bufio.NewScanner(os.Stdin)
	if part == "world" {
		return playWorld(s, db, orders)
	}
	return playSingleton(s, db, orders)
}

// brittle is the lease of a process that is going to be paused: it ends soon afterwards, and not while a busy machine lets it wait.
var brittle = lease.Config{TTL: 5 * time.Second}

// players is who the world has.
var players = []int64{1, 2, 3}

func fenceOf(player int64) string { return fmt.Sprint("player ", player) }

// save is what a world does with a player: fenced by its epoch.
func save(ctx context.Context, db *gorm.DB, player int64, epoch uint64, value int) error {
	return store.InTx(ctx, db, func(tx *gorm.DB) error {
		if err := lease.Fence(tx, fenceOf(player), epoch); err != nil {
			return err
		}
		return tx.Exec("UPDATE saves SET value = ? WHERE player = ?", value, player).Error
	})
}

// playWorld owns the players until it is told to go on, which is when it has been paused for too long, and then does everything that it must
// not do any more. It says how each attempt ended.
func playWorld(s *store.Stores, db *gorm.DB, orders *bufio.Scanner) error {
	ctx := context.Background()
	l := lease.New(s, 1, 1, brittle, slog.New(slog.DiscardHandler))
	lost, regained := make(chan struct{}, 16), make(chan struct{}, 16)
	l.OnLost(func() { lost <- struct{}{} })
	l.OnRegained(func() { regained <- struct{}{} })
	if err := l.Start(ctx); err != nil {
		return err
	}
	owners := lease.NewOwners(s, "player")
	epochs := map[int64]uint64{}
	for _, p := range players {
		epoch, err := lease.NextEpoch(ctx, db, fenceOf(p))
		if err != nil {
			return err
		}
		epochs[p] = epoch
		if err := owners.Bind(ctx, p, lease.Binding{Node: 1, Boot: 1, Epoch: epoch}); err != nil {
			return err
		}
		if err := save(ctx, db, p, epoch, 1); err != nil {
			return err
		}
	}
	fmt.Println("owns") // and is between asking whether it may save and saving
	if !orders.Scan() {
		return errors.New("nobody is there")
	}
	for _, p := range players {
		fmt.Println("save", said(save(ctx, db, p, epochs[p], 666)))
	}
	<-lost
	fmt.Println("lost")
	<-regained
	for _, p := range players {
		b := lease.Binding{Node: 1, Boot: 1, Epoch: epochs[p]}
		fmt.Println("bind", said(owners.Bind(ctx, p, b)))
		fmt.Println("unbind", said(owners.Unbind(ctx, p, b)))
		fmt.Println("save", said(save(ctx, db, p, epochs[p], 667)))
	}
	fmt.Println("done")
	return l.Stop(ctx)
}

// playSingleton leads, and saves whenever it is told to, with the epoch of that lead, until there is nobody to tell it.
func playSingleton(s *store.Stores, db *gorm.DB, orders *bufio.Scanner) error {
	ctx, cancel := context.WithCancel(context.Background())
	next := make(chan struct{})
	go func() {
		defer cancel()
		for orders.Scan() {
			next <- struct{}{}
		}
	}()
	single := lease.NewSingleton(s, "ranking", "cluster", 1, 1, brittle, slog.New(slog.DiscardHandler))
	return single.Run(ctx, func(leading context.Context, epoch uint64) error {
		fmt.Println("leads", epoch)
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
		err := store.InTx(context.WithoutCancel(leading), db, func(tx *gorm.DB) error { // it has not noticed anything yet
			if err := lease.Fence(tx, "ranking", epoch); err != nil {
				return err
			}
			return tx.Exec("UPDATE saves SET value = ? WHERE player = 1", epoch).Error
		})
		fmt.Println("save", said(err))
		<-leading.Done()
		fmt.Println("lost", errors.Is(context.Cause(leading), lease.ErrFenced))
		return leading.Err()
	})
}

func said(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, lease.ErrFenced):
		return "fenced"
	}
	return err.Error()
}

// A child is another process of the same stack.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
	stdin io.WriteCloser
}

// begin starts a child on the stores of s, which were opened with cfg.
func begin(t *testing.T, part string, s *store.Stores, cfg store.Config) *child {
	t.Helper()
	url := string(cfg.Redis.URL)
	if addr := s.RedisAddr(); addr != "" {
		url = "redis://" + addr
	}
	c := &child{t: t, cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), envChild+"="+part, envDir+"="+cfg.DataDir, envPrefix+"="+s.Prefix(),
		envDSN+"="+string(cfg.SQL.DSN), envRedis+"="+url)
	c.cmd.Stderr = os.Stderr
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewScanner(stdout)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // over already when all went well
		_ = c.cmd.Wait()
	})
	return c
}

// says waits for the child's next line.
func (c *child) says(want string) {
	c.t.Helper()
	if !c.lines.Scan() {
		c.t.Fatalf("the child ended without saying %q: %v", want, c.lines.Err())
	}
	if got := c.lines.Text(); got != want {
		c.t.Errorf("the child says %q; want %q", strings.TrimSpace(got), want)
	}
}

// tell gives the child an order.
func (c *child) tell() {
	c.t.Helper()
	if _, err := io.WriteString(c.stdin, "go\n"); err != nil {
		c.t.Fatal(err)
	}
}
