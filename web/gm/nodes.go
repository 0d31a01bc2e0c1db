package gm

import (
	"fmt"
	"math"

	"github.com/gofiber/fiber/v2"

	"loumiao/framework/cluster"
	"loumiao/framework/fault"
	"loumiao/game/command"
	"loumiao/game/store/operator"
)

// tailed is how many lines of a node's log are shown.
const tailed = 500

func (s *Service) nodePages() []page {
	return []page{
		{path: "/nodes", title: "Nodes", role: operator.Viewer, view: s.nodes},
		{path: "/log", title: "Log of a node", under: "/nodes", role: operator.Support, view: s.tail},
	}
}

// A nodesView is the machines and nodes or, while public does not answer, what gossip knows of them.
type nodesView struct {
	command.NodeList
	Partly string            `json:"partly,omitempty"` // why it is only what gossip knows
	Why    map[uint16]string `json:"why,omitempty"`    // by node: the last that was done to those which drain or stand still
}

func (s *Service) nodes(c *fiber.Ctx) (any, error) {
	list, err := ask[command.NodeList](c, s, command.Nodes, struct{}{})
	if err == nil {
		view := nodesView{NodeList: *list, Why: map[uint16]string{}}
		for _, n := range list.Nodes {
			if n.Life == "stopped" || n.Life == "stopping" || n.State == cluster.Draining.String() {
				if view.Why[n.Node], err = s.why(c, fmt.Sprintf("node %d", n.Node)); err != nil {
					return nil, err
				}
			}
		}
		return view, nil
	}
	_, said := fault.Outside(err)
	view := nodesView{Partly: said, NodeList: command.NodeList{Machines: []command.Machine{}, Nodes: []command.Node{}}}
	for _, m := range s.Cluster.Snapshot().All() {
		if m.Node != 0 {
			view.Nodes = append(view.Nodes, command.Node{Node: uint16(m.Node), Type: m.Type, State: m.State.String()})
		}
	}
	return view, nil
}

type tailView struct {
	Node  int64    `json:"node"`
	Lines []string `json:"lines"`
}

func (t tailView) subject() string { return fmt.Sprintf("Node %d", t.Node) }

func (s *Service) tail(c *fiber.Ctx) (any, error) {
	node := queryNumber(c, "node")
	if node < 1 || node > math.MaxUint16 {
		return nil, fault.New(fault.NotFound, "there is no such node")
	}
	kept, err := ask[command.Tailed](c, s, command.Tail, command.TailArgs{Node: uint16(node), Lines: tailed})
	if err != nil {
		return nil, err
	}
	return tailView{node, kept.Lines}, nil
}

func (s *Service) nodeActs() []act {
	onNode := func(name, title, about string, danger bool) act {
		return act{
			name: name, title: title, about: about, role: operator.Admin, reason: true, danger: danger, target: "node", back: link{"/nodes", "Nodes"}, state: s.nodeState,
			fields: []field{{name: "node", label: "Id of the node", kind: number, must: true}},
			do:     commanded(s, name, func(v *values) any { return command.NodeArgs{Node: uint16(v.bounded("node", math.MaxUint16))} }),
		}
	}
	return []act{
		onNode(command.Drain, "Drain a node", "It takes nobody new, and hands over whom it serves.", true),
		onNode(command.Restart, "Restart a node", "It is drained, stopped and started again.", true),
		onNode(command.Stop, "Stop a node", "It is drained and stopped, and stays so until it is started.", true),
		onNode(command.Start, "Start a node", "", false),
	}
}

func (s *Service) nodeState(c *fiber.Ctx, v *values) (any, error) {
	list, err := ask[command.NodeList](c, s, command.Nodes, struct{}{})
	if err != nil {
		return nil, err
	}
	for _, n := range list.Nodes {
		if int64(n.Node) == v.number("node") {
			return n, nil
		}
	}
	return nil, nil // public says that there is none
}
