package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/live"
	"loumiao/framework/node"
	"loumiao/framework/store"
	"loumiao/framework/trace"
	"loumiao/framework/trace/otlp"
	"loumiao/framework/wire"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/pod"
	"loumiao/migrations"
)

const (
	openTimeout  = 30 * time.Second // for opening stores and for claiming a database, each; migrating a large table takes its time
	claimTimeout = 10 * time.Second // how long a stack that died keeps its database
)

// A process is what the nodes of this operating system's process share.
type process struct {
	cfg     Config
	keys    keys
	log     *slog.Logger
	stores  *store.Stores
	schema  *live.Schema
	feed    *live.Feed
	env     node.Env
	unclaim func()
}

// openProcess opens the stores and makes sure that their tables are those of this build: by migrating if migrate is set, by an error that
// says what to do otherwise.
func openProcess(ctx context.Context, cfg Config, log *slog.Logger, debug, migrate bool) (p *process, err error) {
	p = &process{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.keys, err = loadKeys(cfg); err != nil {
		return p, err
	}
	registry, err := wire.NewRegistry(pb.Files()...)
	if err != nil {
		return p, fmt.Errorf("client protocol: %w", err)
	}
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if p.stores, err = store.Open(opening, cfg.stores(p.keys.stack), log); err != nil {
		return p, err
	}
	if migrate {
		err = p.migrate(ctx)
	} else {
		err = p.requireMigrated(opening)
	}
	if err != nil {
		return p, err
	}
	if err := p.claimDatabase(ctx); err != nil {
		return p, err
	}
	if p.schema, err = api.LiveSchema(cfg.settings()...); err != nil {
		return p, err
	}
	p.feed = live.Open(ctx, live.NewBoard(p.stores), filepath.Join(cfg.DataDir, "live"), log)
	p.env = node.Env{
		Stores: p.stores, Live: p.feed, Registry: registry, GossipKey: p.keys.gossip, LinkKey: p.keys.link,
		Join: cfg.Cluster.Join, Owned: "player", Version: version(), Debug: debug, Log: log,
	}
	if cfg.Trace.Endpoint != "" {
		p.env.Log = slog.New(trace.Logs(log.Handler()))
		source, err := otlp.New(otlp.Config{Endpoint: cfg.Trace.Endpoint, Sample: cfg.Trace.Sample, Version: p.env.Version, Log: log})
		if err != nil {
			return p, fmt.Errorf("trace: %w", err)
		}
		p.env.Trace = source
	}
	return p, nil
}

func (p *process) migrate(ctx context.Context) error {
	for _, owner := range migrations.Owners() {
		if err := p.stores.Migrate(ctx, owner, migrations.FS(owner)); err != nil {
			return err
		}
	}
	return nil
}

func (p *process) requireMigrated(ctx context.Context) error {
	var errs []error
	for _, owner := range migrations.Owners() {
		errs = append(errs, p.stores.RequireMigrated(ctx, owner, migrations.FS(owner)))
	}
	return errors.Join(errs...)
}

// claimDatabase keeps another stack off the database while this one is alive.
func (p *process) claimDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	db, err := p.stores.SQL("cluster")
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	p.unclaim, err = lease.ClaimDatabase(ctx, db, p.keys.stack, fmt.Sprintf("%s, process %d", host, os.Getpid()), claimTimeout)
	return err
}

func (p *process) close() {
	if p.feed != nil {
		p.feed.Close()
	}
	if p.unclaim != nil {
		p.unclaim()
	}
	if p.stores != nil {
		if err := p.stores.Close(); err != nil {
			p.log.Warn("stores not closed cleanly", "err", err)
		}
	}
}

// nodeConfig is the settings of a node, on any free ports.
func (p *process) nodeConfig(t *nodeType, spec pod.Spec) node.Config {
	free := net.JoinHostPort(p.cfg.Cluster.Host, "0")
	return node.Config{
		Type: t.name, ID: spec.ID, Area: p.cfg.Cluster.Area, Observer: t.observer, Needs: spec.Needs,
		RelayType: api.RPCGate, Relayed: p.cfg.relayed(),
		Link: free, Gossip: free, Admin: free, Advertise: p.cfg.Cluster.Advertise, StopTimeout: p.cfg.Cluster.Stop,
	}
}

// nodeEnv is what the process's nodes share, for one that also joins at seeds.
func (p *process) nodeEnv(seeds []string) node.Env {
	env := p.env
	env.Join = slices.Concat(env.Join, seeds)
	return env
}

// Run runs a node in this process: it makes the process a pod.Runner.
func (p *process) Run(ctx context.Context, spec pod.Spec, seeds []string, life *pod.Life) error {
	t, env := typeNamed(spec.Type), p.nodeEnv(seeds)
	env.Log = slog.New(tee{env.Log.Handler(), newLogger(p.cfg.Log, life).Handler()})
	return p.runNode(ctx, t, env, p.nodeConfig(t, spec), spec)
}

func (p *process) runNode(ctx context.Context, t *nodeType, env node.Env, cfg node.Config, spec pod.Spec) error {
	svc, err := t.make(p, spec.Index)
	if err != nil {
		return err
	}
	n, err := node.New(env, cfg, svc)
	if err != nil {
		return err
	}
	return n.Run(ctx)
}

// forget gives back the number of a node whose process, a child, is known to be dead, so that it need not wait for the claim to end.
func (p *process) forget(node id.Node, pid int) {
	ctx, cancel := context.WithTimeout(context.Background(), claimTimeout)
	defer cancel()
	db, err := p.stores.SQL("cluster")
	if err == nil {
		err = lease.ForgetNode(ctx, db, node, pid)
	}
	if err != nil {
		p.log.Warn("number of a dead node not given back", "node", node, "err", err)
	}
}

// newLogger logs to out as configured.
func newLogger(cfg LogConfig, out io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Level)) // checked by the configuration
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, opts))
	}
	return slog.New(slog.NewTextHandler(out, opts))
}
