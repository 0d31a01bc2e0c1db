package world

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/lease"
	"loumiao/framework/line"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/tables"
)

// bindPause is between two attempts to bind all players again; doubled each time up to maxBindPause.
const bindPause, maxBindPause = 100 * time.Millisecond, 2 * time.Second

// A World is the service of one world node.
type World struct {
	cfg      Config
	node     *node.Node
	log      *slog.Logger
	rpc      *rpc.RPC
	owners   *lease.Owners
	players  *actor.Pool[api.PlayerID, Player]
	inside   *inside
	live     settings
	holds    func() bool // whether this node's lease is good, by its own clock
	unwatch  func()
	design   Design
	tables   func() *tables.Tables // those of now
	now      func() time.Time
	courier  *courier
	spread   chan struct{} // told when there may be a new broadcast
	newest   atomic.Int64  // id of the newest one that public has told of
	audience *audience
	forget   func() // ends watchWorlds

	whereabouts whereabouts

	stopping atomic.Bool   // nobody new is taken
	regained chan struct{} // Redis has come back empty
}

// New is a world that is not started.
func New(cfg Config, options ...Option) *World {
	w := &World{
		cfg: cfg, inside: newInside(), regained: make(chan struct{}, 1), design: sample(), now: time.Now, courier: newCourier(),
		audience: newAudience(), spread: make(chan struct{}, 1),
		whereabouts: whereabouts{fields: map[api.PlayerID]*Field{}},
	}
	for _, with := range options {
		with(w)
	}
	return w
}

// Start registers what clients may send and peers may call.
func (w *World) Start(_ context.Context, n *node.Node) error {
	w.node, w.log, w.rpc, w.owners = n, n.Log(), n.RPC(), n.Owners()
	if w.holds == nil {
		w.holds = n.Lease().Valid
	}
	w.players = actor.NewPool(n.Actors(), w.arrive, actor.PoolConfig{Name: "player", OnRequest: true})

	w.live = w.follow(n.Live())
	if w.tables == nil {
		w.tables = w.live.tables.Get
	}
	line.Handle(n, w.players, (*Player).enter)
	line.Handle(n, w.players, entered((*Player).greet))
	line.Handle(n, w.players, entered((*Player).getProfile))
	line.Handle(n, w.players, entered((*Player).getMatches))
	line.Handle(n, w.players, entered((*Player).getLedger))
	line.Handle(n, w.players, entered((*Player).startMatch))
	line.Handle(n, w.players, entered((*Player).cancelMatch))
	line.Handle(n, w.players, entered((*Player).answerProposal))

	rpc.Handle(n, w.players, api.PlayerMatched, noticed((*Player).matched))
	rpc.Handle(n, w.players, api.PlayerProposed, noticed((*Player).proposed))
	rpc.Handle(n, w.players, api.PlayerUnmatched, noticed((*Player).unmatched))
	rpc.Handle(n, w.players, api.PlayerFinished, noticed((*Player).finished))
	rpc.Handle(n, w.players, api.ReleasePlayer, (*Player).release)
	w.serveGoods(n)
	rpc.HandleFunc(n, api.AdoptPlayer, w.adoptPlayer)
	w.serveFriends(n)
	w.serveParties(n)
	w.servePublic(n)
	w.serveFields(n)

	b := w.players.Behavior()
	actor.Handle(b, (*Player).depart)
	actor.Handle(b, (*Player).adopt)
	actor.HandleTell(b, (*Player).held)
	actor.HandleTell(b, (*Player).detached)
	actor.HandleTell(b, noticedTell((*Player).lingered))
	actor.HandleTell(b, (*Player).saveNow)
	actor.HandleTell(b, (*Player).lost)
	actor.HandleTell(b, noticedTell((*Player).zoneLost))
	actor.HandleTell(b, noticedTell((*Player).ticketGone))
	actor.HandleTell(b, (*Player).maintenanceChanged)
	actor.HandleTell(b, (*Player).tablesChanged)
	b.OnStop((*Player).leave)
	return nil
}

// Ready begins to tell the queue who is inside, and the players when a zone dies.
func (w *World) Ready(context.Context) error {
	w.unwatch = w.node.Cluster().Watch(w.watchZones)
	w.node.OnRegained(func() {
		select {
		case w.regained <- struct{}{}:
		default: // it is about to look
		}
	})
	w.node.Go(func(ctx context.Context) {
		for {
			select {
			case <-w.regained:
				w.bindAgain(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
	w.node.Go(w.reportInside)
	w.node.Go(w.standForTickets)
	w.forget = w.node.Cluster().Watch(w.watchWorlds)
	w.node.Go(w.courier.run)
	w.node.Go(w.spreadBroadcasts)
	return nil
}

// Stop hands the players over to other worlds, and saves who is left and lets him go: his client enters another world.
func (w *World) Stop(ctx context.Context) error {
	if w.unwatch != nil {
		w.unwatch()
		w.forget()
	}
	w.stopping.Store(true)
	w.handOver(ctx)
	return w.players.Drain(ctx)
}

// entered guards a handler of clients' messages: it runs only for the session that has entered as this player. The gate lets a session
// send as soon as it is bound, which is before EnterWorld has been answered.
func entered[M, R proto.Message](handle func(*Player, *actor.Context, M) (R, error)) func(*Player, *actor.Context, M) (R, error) {
	return func(p *Player, ctx *actor.Context, m M) (R, error) {
		var none R
		if p.epoch == 0 || p.session == nil || line.SessionOf(ctx) != p.session {
			return none, fault.New(fault.FailedPrecondition, "enter the world first")
		}
		if err := p.holds(); err != nil {
			return none, err
		}
		return handle(p, ctx, m)
	}
}

// watchZones tells every player whose match, or field, was in a zone that is gone.
func (w *World) watchZones(old, now *cluster.Snapshot) {
	for _, was := range old.ByType(api.Zone) {
		if is, ok := now.Node(was.Node); ok && is.Boot == was.Boot {
			continue
		}
		w.players.Range(func(_ api.PlayerID, ref actor.Ref) bool {
			if err := ref.Tell(&zoneLost{was.Node, was.Boot}); err != nil {
				w.log.Warn("player not told of a lost zone", "player", ref.Name(), "err", err)
			}
			return true
		})
	}
}

// bindAgain tells Redis again what it has forgotten, until it knows. Who turns out to be another world's by now is let go.
func (w *World) bindAgain(ctx context.Context) {
	for pause := bindPause; ; pause = min(2*pause, maxBindPause) {
		epochs := w.inside.epochs()
		bindings := make(map[int64]lease.Binding, len(epochs))
		for player, epoch := range epochs {
			bindings[int64(player)] = w.binding(epoch)
		}
		fenced, err := w.owners.BindAll(ctx, bindings)
		for _, key := range fenced {
			player := api.PlayerID(key)
			if err := w.players.Tell(player, &lost{epochs[player]}); err != nil {
				w.log.Warn("player not told that another world has him", "player", player, "err", err)
			}
		}
		if err == nil {
			return
		}
		w.log.Warn("owners not bound again; will try again", "players", len(bindings), "err", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

func (w *World) binding(epoch uint64) lease.Binding {
	return lease.Binding{Node: w.node.ID(), Boot: w.node.Boot(), Epoch: epoch}
}

// zoneLost tells a player's actor that a zone is gone.
type zoneLost struct {
	zone id.Node
	boot id.Boot
}
