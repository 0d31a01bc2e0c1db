package gate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"loumiao/framework/certfile"
	"loumiao/framework/fault"
	"loumiao/framework/gate"
	"loumiao/framework/gate/kcp"
	"loumiao/framework/gate/tcp"
	"loumiao/framework/gate/ws"
	"loumiao/framework/id"
	"loumiao/framework/live"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/framework/udp"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/token"
)

// routes is the types of node that clients may reach, with their stream numbers: those of the node table.
func routes() []gate.Route {
	return []gate.Route{
		{Type: api.Account, Stream: 2, Pick: gate.PickLeast},
		{Type: api.World, Stream: 3, Pick: gate.PickOwner},
		{Type: api.Zone, Stream: 4, Pick: gate.PickNone},
		{Type: api.Queue, Stream: 12, Pick: gate.PickSingle},
	}
}

// maxConversations bounds the conversations over KCP of the largest gate.
const maxConversations = 1 << 20

// A Gate is the service of one gate node.
type Gate struct {
	cfg    Config
	tokens *token.Verifier
	index  int

	node  *node.Node
	gate  *gate.Gate
	gates *api.Gates
	load  api.GateLoad

	sessions    *sessions
	maintenance *live.Value[api.MaintenanceState]
}

// New is a gate that is not started: the index-th of its pod.
func New(cfg Config, tokens *token.Verifier, index int) *Gate {
	return &Gate{cfg: cfg, tokens: tokens, index: index}
}

// Start opens the gate to clients. Those who come before the nodes behind it are found are told that they are unavailable.
func (g *Gate) Start(ctx context.Context, n *node.Node) error {
	g.node, g.gates, g.maintenance, g.sessions = n, api.NewGates(n.Stores()), api.Maintenance.Of(n.Live()), &sessions{stores: n.Stores()}
	var (
		listen                   []gate.Listen
		overTCP, overWS, overKCP gate.Transport
		secure                   *tls.Config
	)
	if g.cfg.TLSCert != "" {
		files, err := certfile.Load(g.cfg.TLSCert, g.cfg.TLSKey, certfile.Config{Logger: n.Log()})
		if err != nil {
			return fmt.Errorf("%w (gate.tls_cert and gate.tls_key name the files)", err)
		}
		secure = files.Server()
	}
	proxies, err := g.cfg.proxies()
	if err != nil {
		return err
	}
	if g.cfg.TCP != "" {
		overTCP = tcp.New(tcp.Config{Proxies: proxies, TLS: secure})
		listen = append(listen, gate.Listen{Transport: overTCP, Addr: shifted(g.cfg.TCP, g.index)})
	}
	if g.cfg.WS != "" {
		overWS = ws.New(ws.Config{Origins: g.cfg.WSOrigins, Proxies: proxies, TLS: secure})
		listen = append(listen, gate.Listen{Transport: overWS, Addr: shifted(g.cfg.WS, g.index)})
	}
	if g.cfg.KCP != "" {
		bounds := udp.Config{MaxConversations: min(2*g.cfg.MaxSessions, maxConversations), MaxPerAddress: g.cfg.MaxPerAddress, Idle: n.Stretch(g.cfg.silence())}
		overKCP = kcp.New(kcp.Config{UDP: bounds, TLS: secure})
		listen = append(listen, gate.Listen{Transport: overKCP, Addr: shifted(g.cfg.KCP, g.index)})
	}
	compressFrom := g.cfg.Compress
	if compressFrom == 0 {
		compressFrom = -1
	}
	g.gate, err = gate.New(gate.Config{
		Self: n.Links().Self, Registry: n.Registry(), View: n.Cluster(), Links: n.Links(),
		Listen: listen, Routes: routes(),
		Authenticate: g.authenticate,
		Admit:        g.admit,
		Barred:       g.barred,
		Sessions:     g.sessions,
		KickRemote:   g.kickRemote,
		Owner:        g.owner,
		MinClient:    g.cfg.MinClient, MaxSessions: g.cfg.MaxSessions, MaxPerAddress: g.cfg.MaxPerAddress, MaxBody: g.cfg.MaxBody, CompressFrom: compressFrom,
		RateMessages: g.cfg.Rate, BurstMessages: g.cfg.Burst, Heartbeat: n.Stretch(g.cfg.Heartbeat),
		Grace:  n.Stretch(g.cfg.grace()),
		Tracer: n.Tracer(), Logger: n.Log(),
	})
	if err != nil {
		return err
	}
	n.Metrics().MustRegister(g.gate.Collector())
	rpc.HandleFunc(n, api.KickSession, g.kickSession)
	rpc.HandleFunc(n, api.HeldSessions, g.heldSessions)
	if err := g.gate.Start(ctx); err != nil {
		return fmt.Errorf("%w (gate.tcp, gate.ws and gate.kcp say where it listens)", err)
	}
	g.load = api.GateLoad{Area: api.Area(n.Area()), Capacity: g.cfg.MaxSessions}
	if overTCP != nil {
		g.load.TCP = g.cfg.tcpAddress(overTCP.Addr().String())
		url := g.load.TCP
		if !strings.Contains(url, "://") {
			url = "tcp://" + url
		}
		n.Publish("tcp", url)
	}
	if overWS != nil {
		g.load.WS = g.cfg.wsAddress(overWS.Addr().String())
		n.Publish("ws", g.load.WS)
	}
	if overKCP != nil {
		g.load.KCP = g.cfg.kcpAddress(overKCP.Addr().String())
		n.Publish("kcp", g.load.KCP)
	}
	return nil
}

// Ready opens the gate and offers it to clients.
func (g *Gate) Ready(ctx context.Context) error {
	if err := g.gate.Open(ctx); err != nil {
		return err
	}
	if err := g.publish(ctx); err != nil {
		return err
	}
	g.node.Go(g.keepSeats)
	g.node.Go(func(ctx context.Context) {
		tick := time.NewTicker(api.GatePublishEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := g.publish(ctx); err != nil && ctx.Err() == nil {
					g.node.Log().Warn("load not published; clients are sent elsewhere", "err", err)
				}
			}
		}
	})
	return nil
}

func (g *Gate) publish(ctx context.Context) error {
	load := g.load
	load.Sessions = g.gate.Count()
	return g.gates.Publish(ctx, g.node.ID(), load)
}

// Stop sends the clients to other gates.
func (g *Gate) Stop(ctx context.Context) error {
	return errors.Join(g.gates.Withdraw(ctx, g.node.ID()), g.gate.Stop(ctx))
}

func (g *Gate) authenticate(_ context.Context, text string) (gate.Identity, error) {
	claims, err := g.tokens.Verify(text)
	if err != nil {
		return gate.Identity{}, err
	}
	return gate.Identity{Player: claims.Player, Account: claims.Account, Area: claims.Area, Login: claims.Login, Way: claims.Way}, nil
}

// admit refuses newcomers during maintenance.
func (g *Gate) admit(who gate.Identity) error {
	return g.maintenance.In(who.Area).Admits(api.AccountID(who.Account))
}

// barred says why an account may not come in with a token that is still good.
func (g *Gate) barred(ctx context.Context, who gate.Identity) error {
	return api.NewBlocks(g.node.Stores()).Refuse(ctx, api.AccountID(who.Account), who.Login)
}

func (g *Gate) owner(ctx context.Context, player int64) (id.Node, error) {
	b, ok, err := g.node.Owners().Lookup(ctx, player)
	if err != nil || !ok {
		return 0, err
	}
	return b.Node, nil
}

func (g *Gate) kickRemote(ctx context.Context, h gate.Holder, code fault.Code) error {
	kick := &pb.KickSession{Session: uint64(h.Session), Turn: h.Turn, Code: uint32(code), Reason: "the player has come in elsewhere"}
	_, err := api.KickSession.Call(ctx, g.node.RPC(), kick, rpc.To(h.Node))
	if fault.CodeOf(err) == fault.Unavailable {
		return nil // that gate is gone, and the session with it
	}
	return err
}

func (g *Gate) heldSessions(_ context.Context, m *pb.HeldSessions) (*pb.HeldSessionsReply, error) {
	reply := &pb.HeldSessionsReply{Held: make([]bool, len(m.GetSessions()))}
	for i, s := range m.GetSessions() {
		_, reply.Held[i] = g.gate.Who(id.Session(s.GetSession()), s.GetTurn())
	}
	return reply, nil
}

func (g *Gate) kickSession(_ context.Context, m *pb.KickSession) (*pb.Done, error) {
	if login := m.GetLogin(); login != "" {
		if who, ok := g.gate.Who(id.Session(m.GetSession()), m.GetTurn()); !ok || who.Login != login {
			return &pb.Done{}, nil // it is of another login, or a newcomer, who is asked for when he has come in
		}
	}
	g.gate.Kick(id.Session(m.GetSession()), m.GetTurn(), fault.Code(m.GetCode()), m.GetReason())
	return &pb.Done{}, nil
}
