package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"loumiao/framework/config"
	"loumiao/framework/id"
	"loumiao/game/pod"
)

// runOptions is the flags of "run".
type runOptions struct {
	types        []string
	join         string
	id           uint16
	index        int
	needs        string
	needsGiven   bool
	child, debug bool
}

// joinLocal is --join without a value: the stack that "up" runs on this data directory.
const joinLocal = "local"

func (p *program) run() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use: "run TYPE[,TYPE...]", Short: "Run nodes of the given types in this process",
		Long: `run runs one node of each given type, until it is stopped or one of them fails. They join the cluster at cluster.join of the
configuration, or the one given with --join. The types are ` + typeNames() + `.`,
		Example: `  game run world --join                       join the stack that "game up" runs on this machine
  game run gate,world,zone --join=10.0.0.5:7946 --config production.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 2 && o.join == joinLocal {
				return usage(fmt.Errorf("%q and %q are two arguments; whom to join stands behind a \"=\": --join=HOST:PORT", args[0], args[1]))
			}
			if len(args) != 1 {
				return usage(errors.New("which types? Give them as one argument, separated by commas; there are " + typeNames()))
			}
			o.types = strings.Split(args[0], ",")
			for _, typ := range o.types {
				if t := typeNamed(typ); t == nil || t == &podType {
					return usage(fmt.Errorf("there is no type of node %q; there are %s", typ, typeNames()))
				}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.needsGiven = cmd.Flags().Changed("needs")
			cfg, err := p.config()
			if err != nil {
				return err
			}
			return p.runNodes(cmd.Context(), cfg, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.join, "join", "", "gossip `addresses` of any nodes, separated by commas; without a value, the stack of \"game up\" on this data directory")
	flags.Lookup("join").NoOptDefVal = joinLocal
	flags.Uint16Var(&o.id, "id", 0, "node `number` of the first node, the next ones count up; 0: any that is free")
	flags.BoolVar(&o.debug, "debug", false, "stretch deadlines, leases and heartbeats, for breakpoints")
	flags.IntVar(&o.index, "index", 0, "")
	flags.StringVar(&o.needs, "needs", "", "")
	flags.BoolVar(&o.child, "child", false, "")
	for _, internal := range []string{"index", "needs", "child"} {
		_ = flags.MarkHidden(internal)
	}
	return cmd
}

func (p *program) runNodes(ctx context.Context, cfg Config, o runOptions) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if o.child {
		over := make(chan struct{})
		defer close(over)
		go pod.WatchParent(p.stdin, stop, over, 2*childGrace(cfg)) // the pod, if there is one, kills it sooner
	}
	cfg, err := p.joined(cfg, o.join)
	if err != nil {
		return err
	}
	log := newLogger(cfg.Log, p.stderr)
	proc, err := openProcess(ctx, cfg, log, o.debug, false)
	if err != nil {
		return err
	}
	defer proc.close()
	return proc.runAll(ctx, o)
}

// joined is the configuration for nodes that join where join says.
func (p *program) joined(cfg Config, join string) (Config, error) {
	switch join {
	case "":
	case joinLocal:
		at, err := readRunning(cfg.DataDir)
		if err != nil {
			return cfg, err
		}
		cfg.Cluster.Join = append(cfg.Cluster.Join, at.Seeds...)
		if at.Redis != "" && cfg.Redis.URL == "" {
			cfg.Redis.URL = config.Secret(at.Redis)
		}
	default:
		cfg.Cluster.Join = append(cfg.Cluster.Join, strings.Split(join, ",")...)
	}
	if err := config.Check(cfg); err != nil {
		return cfg, usage(err)
	}
	return cfg, nil
}

// runAll runs a node of each type until ctx ends or one fails; then the others stop too.
func (p *process) runAll(ctx context.Context, o runOptions) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		running sync.WaitGroup
		errs    = make([]error, len(o.types))
	)
	for i, typ := range o.types {
		t := typeNamed(typ)
		spec := pod.Spec{Type: typ, Index: o.index, Needs: p.cfg.needs(t)}
		if o.id != 0 {
			spec.ID = id.Node(int(o.id) + i)
		}
		if o.needsGiven {
			spec.Needs = slices.DeleteFunc(strings.Split(o.needs, ","), func(s string) bool { return s == "" })
		}
		cfg := p.nodeConfig(t, spec)
		if i == 0 && !o.child && o.join != joinLocal {
			cfg.Gossip = p.gossipAddr()
		}
		running.Go(func() {
			defer stop()
			if err := p.runNode(ctx, t, p.nodeEnv(nil), cfg, spec); err != nil {
				errs[i] = fmt.Errorf("%s: %w", typ, err)
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
