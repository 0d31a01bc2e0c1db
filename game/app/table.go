package app

import (
	"slices"
	"strings"

	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/game/config"
	"loumiao/game/match"
	"loumiao/game/queue"
	"loumiao/game/rpcgate"
	"loumiao/game/zone"
	"loumiao/web/gm"
)

// A nodeType is one row of the node table.
type nodeType struct {
	number   uint8 // stable
	name     string
	job      string
	observer bool     // finds other nodes and serves no calls
	needs    []string // types that it waits for, and that stop after it
	stores   []string // owners of tables that it opens
	make     func(p *process, index int) (node.Service, error)
}

// nodeTypes is every type of node but the pod, which runs them.
var nodeTypes = []nodeType{
	{number: 10, name: api.RPCGate, job: "relays calls between nodes, with rpc.route: relay",
		make: func(*process, int) (node.Service, error) { return rpcgate.New(), nil }},
	{number: 11, name: api.Config, job: "configuration centre", stores: []string{"config"},
		make: func(p *process, _ int) (node.Service, error) { return config.New(p.cfg.Centre, p.schema), nil }},
	{number: 5, name: api.DB, job: "writes the game's tables", stores: []string{"player"},
		make: func(p *process, _ int) (node.Service, error) { return p.newDB(), nil }},
	{number: 12, name: api.Queue, job: "login queue",
		make: func(p *process, _ int) (node.Service, error) { return queue.New(p.cfg.Queue), nil }},
	{number: 4, name: api.Zone, job: "battle rooms", needs: []string{api.DB},
		make: func(p *process, index int) (node.Service, error) { return zone.New(p.cfg.Zone.At(index)), nil }},
	{number: 13, name: api.Match, job: "matchmaking", needs: []string{api.Zone},
		make: func(p *process, _ int) (node.Service, error) { return match.New(p.cfg.Match), nil }},
	{number: 7, name: api.Public, job: "rankings, seasons, chat, jobs, operators' commands", needs: []string{api.DB}, stores: []string{"public"},
		make: func(p *process, _ int) (node.Service, error) { return p.newPublic() }},
	{number: 3, name: api.World, job: "one actor a player", needs: []string{api.DB, api.Queue},
		make: func(p *process, _ int) (node.Service, error) { return p.newWorld() }},
	{number: 1, name: api.Gate, job: "clients' connections", needs: []string{api.Queue, api.World},
		make: func(p *process, index int) (node.Service, error) { return p.newGate(index) }},
	{number: 2, name: api.Account, job: "log in over the game protocol", stores: []string{"account"},
		make: func(p *process, _ int) (node.Service, error) { return p.newAccount() }},
	{number: 9, name: api.Login, job: "register, log in, choose a gate", observer: true, needs: []string{api.Gate}, stores: []string{"account"},
		make: func(p *process, index int) (node.Service, error) { return p.newLogin(index) }},
	{number: 16, name: api.Charge, job: "orders, payments, delivery", needs: []string{api.DB}, stores: []string{"order"},
		make: func(p *process, index int) (node.Service, error) { return p.newCharge(index), nil }},
	{number: 15, name: api.Keypoint, job: "analytics events", observer: true, stores: []string{"keypoint"},
		make: func(p *process, index int) (node.Service, error) { return p.newKeypoint(index) }},
	{number: 8, name: api.GM, job: "operators' console", observer: true, stores: []string{"operator"},
		make: func(p *process, index int) (node.Service, error) { return gm.NewNode(p.cfg.GM, index), nil }},
}

// podType runs the others.
var podType = nodeType{number: 0, name: api.Pod, job: "starts, watches and restarts nodes"}

// typeNamed finds a row; nil if there is none of that name.
func typeNamed(name string) *nodeType {
	if name == podType.name {
		return &podType
	}
	i := slices.IndexFunc(nodeTypes, func(t nodeType) bool { return t.name == name })
	if i < 0 {
		return nil
	}
	return &nodeTypes[i]
}

// typeNames is the names of the table, for messages.
func typeNames() string {
	var names []string
	for _, t := range nodeTypes {
		names = append(names, t.name)
	}
	return strings.Join(names, ", ")
}
