package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"loumiao/framework/config"
	"loumiao/framework/id"
	"loumiao/framework/node"
	"loumiao/game/pod"
)

// upOptions is the flags of "up".
type upOptions struct {
	exec, debug bool
	without     []string
	data        string
}

func (p *program) up() *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use: "up", Short: "Start the whole backend on this machine", Args: noArgs,
		Long: `up starts every type of node in one process and restarts those that fail. With nothing configured it uses an embedded SQL and Redis,
and keeps accounts, players and keys in the data directory. Ctrl-C stops it in order; a second Ctrl-C at once.`,
		Example: `  game up
  game up --exec                    each node in a process of its own, as on a server
  game up --without world,zone      leave some to "game run world,zone --join"
  GAME_SQL_DSN='root@tcp(127.0.0.1:3306)/game' GAME_REDIS_URL=redis://127.0.0.1:6379/0 game up`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config()
			if err != nil {
				return err
			}
			if o.data != "" {
				cfg.DataDir = o.data
				if err := config.Check(cfg); err != nil {
					return usage(err)
				}
			}
			for _, typ := range o.without {
				if t := typeNamed(typ); t == nil || t == &podType {
					return usage(fmt.Errorf("--without %s: there is no such type of node; there are %s", typ, typeNames()))
				}
			}
			return p.runUp(cmd.Context(), cfg, o)
		},
	}
	cmd.Flags().BoolVar(&o.exec, "exec", false, "give each node a process of its own")
	cmd.Flags().StringSliceVar(&o.without, "without", nil, "node `types` to leave out, separated by commas")
	cmd.Flags().StringVar(&o.data, "data", "", "data `directory`; default: data_dir of the configuration")
	cmd.Flags().BoolVar(&o.debug, "debug", false, "stretch deadlines, leases and heartbeats, for breakpoints")
	return cmd
}

func (p *program) runUp(ctx context.Context, cfg Config, o upOptions) error {
	began := time.Now()
	unlock, err := lockData(cfg.DataDir)
	if err != nil {
		return err
	}
	defer unlock()
	ctx, stop := context.WithCancel(ctx)
	_ = os.Remove(stopPath(cfg.DataDir)) // for a stack before this one
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop()
	watching.Go(func() { watchStop(ctx, cfg.DataDir, stop) })
	log := newLogger(cfg.Log, p.stderr)
	proc, err := openProcess(ctx, cfg, log, o.debug, true)
	if err != nil {
		return err
	}
	defer proc.close()

	specs := podSpecs(cfg, o.without)
	var runner pod.Runner = proc
	if o.exec {
		if runner, err = p.processes(proc, o); err != nil {
			return err
		}
	}
	self := pod.Spec{Type: podType.name, ID: id.Node(cfg.Pod.FirstID)}
	svc := &announced{Pod: pod.New(pod.Defaults(), specs, runner), proc: proc}
	svc.ready = func(ctx context.Context, seeds []string) error {
		if err := writeRunning(cfg.DataDir, running{Seeds: seeds, Redis: proc.redisURL()}); err != nil {
			return err
		}
		return p.announce(ctx, proc, svc.node, began, o)
	}
	defer os.Remove(runningPath(cfg.DataDir))
	nodeCfg := proc.nodeConfig(&podType, self)
	nodeCfg.Gossip = proc.gossipAddr()
	// Tier after tier of nodes may take a node's time to stop, and a moment to be killed. A third more is for the pod itself: a node's
	// service gets three quarters of the time.
	nodeCfg.StopTimeout = time.Duration(1+pod.Tiers(specs)) * (cfg.Cluster.Stop + 2*time.Second) * 4 / 3
	n, err := node.New(proc.nodeEnv(nil), nodeCfg, svc)
	if err != nil {
		return err
	}
	return n.Run(ctx)
}

// announced is the pod, and what is done once everything is up.
type announced struct {
	*pod.Pod
	proc  *process
	node  *node.Node
	ready func(ctx context.Context, seeds []string) error
}

// Start keeps the node for the announcement.
func (a *announced) Start(ctx context.Context, n *node.Node) error {
	a.node = n
	return a.Pod.Start(ctx, n)
}

// Ready announces the stack when all of its nodes are ready.
func (a *announced) Ready(ctx context.Context) error {
	if err := a.Pod.Ready(ctx); err != nil {
		return err
	}
	return a.ready(ctx, a.Pod.Seeds())
}

// podSpecs is the nodes of the pod, numbered in the order of the node table.
func podSpecs(cfg Config, without []string) []pod.Spec {
	var specs []pod.Spec
	nodes := cfg.podNodes()
	next := id.Node(cfg.Pod.FirstID)
	for _, t := range nodeTypes {
		needs := slices.DeleteFunc(slices.Clone(cfg.needs(&t)), func(need string) bool {
			return slices.Contains(without, need) || nodes[need] == 0
		})
		for i := range nodes[t.name] {
			next++
			if !slices.Contains(without, t.name) {
				specs = append(specs, pod.Spec{Type: t.name, ID: next, Index: i, Needs: needs})
			}
		}
	}
	return specs
}

// lockData keeps a second stack out of the data directory.
func lockData(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("another stack runs on the data directory %s; stop it, or give this one its own with --data DIR", dir)
	}
	return func() { _ = lock.Unlock() }, nil
}

// processes runs each node as `game run` of this same program.
func (p *program) processes(proc *process, o upOptions) (*pod.Processes, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to start nodes with: %w", err)
	}
	environ := slices.Clone(p.environ)
	if url := proc.redisURL(); url != "" {
		environ = append(environ, envPrefix+"REDIS_URL="+url)
	}
	environ = append(environ, envPrefix+"DATA_DIR="+proc.cfg.DataDir)
	return &pod.Processes{
		Output: p.stderr,
		Grace:  proc.cfg.Cluster.Stop + time.Second,
		Command: func(spec pod.Spec, seeds []string) (argv, env []string) {
			argv = []string{
				self, "run", spec.Type, "--child", "--join=" + strings.Join(seeds, ","),
				"--id=" + strconv.Itoa(int(spec.ID)), "--index=" + strconv.Itoa(spec.Index), "--needs=" + strings.Join(spec.Needs, ","),
			}
			if o.debug {
				argv = append(argv, "--debug")
			}
			for _, file := range p.configs {
				argv = append(argv, "--config="+file)
			}
			return argv, environ
		},
		Released: func(spec pod.Spec) { proc.forget(spec.ID) },
	}, nil
}

// redisURL is the address of the embedded Redis, for other processes; "" when a Redis is configured.
func (p *process) redisURL() string {
	if addr := p.stores.RedisAddr(); addr != "" {
		return "redis://" + addr
	}
	return ""
}
