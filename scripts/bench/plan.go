package main

import (
	"loumiao/scripts/bench/harness"
	"loumiao/scripts/bench/ours"
	"loumiao/scripts/bench/peers"
	"loumiao/scripts/bench/plain"
)

// A Row is one figure that contenders are compared by.
type Row struct {
	Name   string
	Unit   string
	Higher bool // whether more is better
}

// A Kind is what a contender is to the comparison.
type Kind string

const (
	Limit Kind = "limit" // plain Go doing the same
	Ours  Kind = "ours"
	Peer  Kind = "peer"
	Tuned Kind = "tuned" // a peer as its documentation recommends for this load
)

// A Contender is one library in one family of rows: the processes that it takes.
type Contender struct {
	Name    string
	Kind    Kind
	Servers []string // roles, in the order of their start; each learns where those before it listen
	Client  string   // the role that measures
	Idle    string   // the role that measures idle connections, on servers of their own; "" if none
}

// A Family is rows that are measured together.
type Family struct {
	Name, Title string
	Rows        []Row
	Contenders  []Contender
}

// binaries holds the roles that are not in this binary, by what their names begin with.
var binaries = map[string]string{"protoactor": "bench-protoactor", "pitaya": "bench-pitaya"}

func plan() []Family {
	nanos := func(names ...string) (rows []Row) {
		for _, n := range names {
			rows = append(rows, Row{Name: n, Unit: "ns"})
		}
		return rows
	}
	echoes := []Row{{"100 clients", "k/s", true}, {"100 clients x 16", "k/s", true}, {"1,000 clients", "k/s", true}}
	one := func(server string) []string { return []string{server} }
	gate := func(name string, kind Kind, server, client string) Contender {
		return Contender{name, kind, one(server), client, client + "/idle"}
	}
	return []Family{
		{
			Name: "actors", Title: "Actors, in one process",
			Rows: append(nanos("tell 1->1", "tell 2->1", "tell 1->1000", "ping-pong", "ask x1", "ask x64", "spawn"), Row{Name: "idle actor", Unit: "B"}),
			Contenders: []Contender{
				{Name: "channel + goroutine", Kind: Limit, Client: "plain/actors"},
				{Name: "ours", Kind: Ours, Client: "ours/actors"},
				{Name: "hollywood", Kind: Peer, Client: "hollywood/actors"},
				{Name: "hollywood, inbox 16", Kind: Tuned, Client: "hollywood/actors/small"},
				{Name: "protoactor", Kind: Peer, Client: "protoactor/actors"},
			},
		},
		{
			Name: "timers", Title: "Timers, with 100,000 others pending",
			Rows: append(nanos("add + stop"), Row{Name: "pending timer", Unit: "B"}),
			Contenders: []Contender{
				{Name: "time.AfterFunc", Kind: Limit, Client: "plain/timers"},
				{Name: "ours", Kind: Ours, Client: "ours/timers"},
			},
		},
		{
			Name: "rpc", Title: "RPC between two processes, 64 bytes",
			Rows: []Row{{"1 caller, p50", "us", false}, {"1 caller, p99", "us", false}, {"64 callers", "k/s", true}, {"512 callers", "k/s", true}, {"one-way", "k/s", true}},
			Contenders: []Contender{
				{Name: "raw TCP", Kind: Limit, Servers: one("plain/echo"), Client: "plain/rpc"},
				{Name: "ours, function", Kind: Ours, Servers: one("ours/rpc"), Client: "ours/rpc/func"},
				{Name: "ours, actor", Kind: Ours, Servers: one("ours/rpc"), Client: "ours/rpc/actor"},
				{Name: "gRPC", Kind: Peer, Servers: one("grpc"), Client: "grpc"},
				{Name: "gRPC, tuned", Kind: Tuned, Servers: one("grpc/tuned"), Client: "grpc/tuned"},
				{Name: "NATS request/reply", Kind: Peer, Servers: []string{"nats/broker", "nats"}, Client: "nats"},
				{Name: "drpc", Kind: Peer, Servers: one("drpc"), Client: "drpc"},
				{Name: "drpc, pool", Kind: Tuned, Servers: one("drpc"), Client: "drpc/pool"},
				{Name: "net/rpc", Kind: Peer, Servers: one("netrpc"), Client: "netrpc"},
				{Name: "hollywood remote", Kind: Peer, Servers: one("hollywood"), Client: "hollywood"},
				{Name: "protoactor remote", Kind: Peer, Servers: one("protoactor/rpc"), Client: "protoactor/rpc"},
			},
		},
		{
			Name: "gate", Title: "Gate: echo of 64 bytes to clients in another process",
			Rows: append(echoes[:len(echoes):len(echoes)], Row{Name: "idle connection", Unit: "B"}),
			Contenders: []Contender{
				gate("raw TCP", Limit, "plain/echo", "plain/gate"),
				gate("ours, TCP", Ours, "ours/gate/tcp", "ours/gate/tcp"),
				gate("ours, WebSocket", Ours, "ours/gate/ws", "ours/gate/ws"),
				gate("gnet", Peer, "gnet", "plain/gate"),
				gate("gnet, multicore", Tuned, "gnet/multicore", "plain/gate"),
				gate("gws (WebSocket)", Peer, "gws", "websocket"),
				gate("gorilla (WebSocket)", Peer, "gorilla", "websocket"),
				gate("gorilla, tuned", Tuned, "gorilla/tuned", "websocket"),
				gate("nano", Peer, "nano", "nano"),
				gate("pitaya", Peer, "pitaya/gate", "gate/pitaya"),
				gate("pitaya, no compression", Tuned, "pitaya/gate/tuned", "gate/pitaya"),
			},
		},
		{
			Name: "through", Title: "Client -> gate -> backend -> gate -> client, 64 bytes, a process each",
			Rows: echoes,
			Contenders: []Contender{
				{Name: "raw TCP relay", Kind: Limit, Servers: []string{"plain/echo", "plain/relay"}, Client: "plain/gate"},
				{Name: "ours", Kind: Ours, Servers: []string{"ours/world", "ours/gate/tcp"}, Client: "ours/through"},
				{Name: "pitaya over NATS", Kind: Peer, Servers: []string{"nats/broker", "pitaya/world", "pitaya/through"}, Client: "through/pitaya"},
				{Name: "pitaya over NATS, tuned", Kind: Tuned, Servers: []string{"nats/broker", "pitaya/world/tuned", "pitaya/through/tuned"}, Client: "through/pitaya"},
			},
		},
	}
}

// roles is what this binary can be started as.
func roles() harness.Roles {
	r := harness.Roles{
		Servers: map[string]harness.Server{
			"plain/echo": plain.ServeEcho, "plain/relay": plain.ServeRelay,
			"ours/rpc": ours.ServeRPC, "ours/gate/tcp": ours.ServeTCP, "ours/gate/ws": ours.ServeWS, "ours/world": ours.ServeWorld,
			"grpc": peers.ServeGRPC, "grpc/tuned": peers.ServeGRPCTuned, "nats/broker": peers.ServeBroker, "nats": peers.ServeNATS,
			"drpc": peers.ServeDRPC, "netrpc": peers.ServeNetRPC, "hollywood": peers.ServeHollywood,
			"gnet": peers.ServeGnet, "gnet/multicore": peers.ServeGnetMulticore, "gws": peers.ServeGws,
			"gorilla": peers.ServeGorilla, "gorilla/tuned": peers.ServeGorillaTuned, "nano": peers.ServeNano,
		},
		Clients: map[string]harness.Client{
			"plain/actors":           harness.MeasureActors(plain.Actors{}),
			"ours/actors":            func(e *harness.Env) error { return harness.MeasureActors(ours.NewActors())(e) },
			"hollywood/actors":       hollywoodActors(0),
			"hollywood/actors/small": hollywoodActors(16),
			"plain/timers":           harness.MeasureTimers(plain.Timers{}),
			"ours/timers":            func(e *harness.Env) error { return harness.MeasureTimers(ours.NewTimers())(e) },
		},
	}
	for name, dial := range map[string]harness.DialRPC{
		"plain/rpc": plain.DialRPC, "ours/rpc/func": ours.DialFunc, "ours/rpc/actor": ours.DialActor,
		"grpc": peers.DialGRPC, "grpc/tuned": peers.DialGRPCTuned, "nats": peers.DialNATS, "drpc": peers.DialDRPC,
		"drpc/pool": peers.DialDRPCPool, "netrpc": peers.DialNetRPC, "hollywood": peers.DialHollywood,
	} {
		r.Clients[name] = harness.MeasureRPC(dial)
	}
	for name, dial := range map[string]harness.DialGate{
		"plain/gate": plain.DialGate, "ours/gate/tcp": ours.DialTCP, "ours/gate/ws": ours.DialWS, "ours/through": ours.DialThrough,
		"websocket": peers.DialWebSocket, "nano": peers.DialNano, "gate/pitaya": peers.DialPitaya, "through/pitaya": peers.DialPitayaThrough,
	} {
		r.Clients[name] = harness.MeasureGate(dial)
		r.Clients[name+"/idle"] = harness.MeasureIdle(dial)
	}
	return r
}

func hollywoodActors(inbox int) harness.Client {
	return func(e *harness.Env) error {
		h, err := peers.NewHollywood(inbox)
		if err != nil {
			return err
		}
		return harness.MeasureActors(h)(e)
	}
}
