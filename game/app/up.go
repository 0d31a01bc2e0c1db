package app

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"loumiao/framework/config"
	"loumiao/framework/id"
	"loumiao/framework/lease"
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
	unlock, err := lockData(ctx, cfg.DataDir)
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
	if err := p.awaitClaims(ctx, proc, specs); err != nil {
		if ctx.Err() != nil {
			return nil // it was stopped, and nothing has begun
		}
		return err
	}
	self := pod.Spec{Type: podType.name, ID: id.Node(cfg.Pod.FirstID)}
	podCfg := pod.Defaults()
	podCfg.Dir = cfg.DataDir
	svc := &announced{Pod: pod.New(podCfg, specs, runner), proc: proc}
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

// awaitClaims waits until the numbers of the pod and its nodes are free of what a stack that was killed has left. Who holds the data directory
// knows that no other stack runs on it; the numbers that a live one elsewhere has are refused later, where they are claimed.
func (p *program) awaitClaims(ctx context.Context, proc *process, specs []pod.Spec) error {
	db, err := proc.stores.SQL("cluster")
	if err != nil {
		return err
	}
	nodes := []id.Node{id.Node(proc.cfg.Pod.FirstID)}
	for _, s := range specs {
		nodes = append(nodes, s.ID)
	}
	return lease.AwaitNodes(ctx, db, nodes, func(holder string, count int, left time.Duration) {
		fmt.Fprintf(p.stderr, "waiting up to %s for the claims of %s on the ids of %s to end: it seems to have been killed\n",
			left.Round(time.Second), holder, plural(count, "node"))
	})
}

// plural is n things, for people.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
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
		Grace:  childGrace(proc.cfg),
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
		Released: func(spec pod.Spec, pid int) { proc.forget(spec.ID, pid) },
	}, nil
}

// childGrace is how long a child process may take to stop: as long as its node, and a moment.
func childGrace(cfg Config) time.Duration { return cfg.Cluster.Stop + time.Second }

// redisURL is the address of the embedded Redis, for other processes; "" when a Redis is configured.
func (p *process) redisURL() string {
	if addr := p.stores.RedisAddr(); addr != "" {
		return "redis://" + addr
	}
	return ""
}
