package world_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"gorm.io/gorm"

	"loumiao/framework/fault"
	"loumiao/framework/id"
	"loumiao/framework/node"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/player"
	"loumiao/game/world"
)

// A tenure is one world's hold of a player, from its load on.
type tenure struct {
	world id.Node
	epoch uint64
	base  int64 // greetings when it began
	acked int64 // greetings that it has answered since
}

// count is how often the player has greeted, as this world knows it.
func (t *tenure) count() int64 { return t.base + t.acked }

// A notary is db over real tables, which knows what may become of every call: the oracle. Only the newest tenure of a player may save, what
// it saves is what it has answered to its client, and what anybody loads is what was saved last.
type notary struct {
	tables  *gorm.DB
	players *player.Store

	mu      sync.Mutex // held during a call, so that calls come one after the other
	tenures map[int64][]*tenure
	stored  map[int64]int64  // greetings that were saved last
	deaf    map[id.Node]bool // worlds whose calls do not arrive
	fenced  int              // saves that were refused
	saved   int
	wrong   []string
}

func newNotary(tables *gorm.DB) *notary {
	return &notary{
		tables: tables, players: player.New(tables, id.NewGenerator(1, nil), nil),
		tenures: map[int64][]*tenure{}, stored: map[int64]int64{}, deaf: map[id.Node]bool{},
	}
}

func (n *notary) fault(format string, args ...any) {
	n.wrong = append(n.wrong, fmt.Sprintf(format, args...))
}

// newest is the player's last tenure; nil if he was never loaded. It is called with the lock, or while nothing runs.
func (n *notary) newest(player int64) *tenure {
	if all := n.tenures[player]; len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// of is the world's last tenure of the player.
func (n *notary) of(player int64, world id.Node) (last *tenure) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, t := range n.tenures[player] {
		if t.world == world {
			last = t
		}
	}
	return last
}

func (n *notary) serve() service {
	return func(self *node.Node) {
		rpc.HandleFunc(self, api.LoadPlayer, n.load)
		rpc.HandleFunc(self, api.SavePlayer, n.save)
	}
}

var errDeaf = fault.New(fault.Internal, "the world is cut off from db")

func (n *notary) load(ctx context.Context, m *pb.LoadPlayer) (*pb.PlayerRecord, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	from := rpc.Caller(ctx).Node
	if n.deaf[from] {
		return nil, errDeaf
	}
	load := n.players.Load
	if m.GetEpoch() != 0 {
		load = func(ctx context.Context, who player.ID, account int64, area uint16) (*player.Player, error) {
			return n.players.LoadFrom(ctx, who, account, area, m.GetEpoch())
		}
	}
	p, err := load(ctx, player.ID(m.GetPlayer()), m.GetAccount(), uint16(m.GetArea()))
	if err != nil {
		return nil, err
	}
	epoch := uint64(0)
	if last := n.newest(m.GetPlayer()); last != nil {
		epoch = last.epoch
	}
	base := greetings(p.State)
	if p.Epoch != epoch+1 || base != n.stored[m.GetPlayer()] {
		n.fault("world %d loads player %d with epoch %d after %d, and %d greetings where %d were saved", from, p.ID, p.Epoch, epoch, base, n.stored[m.GetPlayer()])
	}
	n.tenures[m.GetPlayer()] = append(n.tenures[m.GetPlayer()], &tenure{world: from, epoch: p.Epoch, base: base})
	profile := &pb.Profile{Player: m.GetPlayer(), Name: p.Name, Area: m.GetArea(), Level: 1}
	return &pb.PlayerRecord{Profile: profile, Account: p.Account, Epoch: p.Epoch, State: p.State, Schema: p.Schema}, nil
}

func (n *notary) save(ctx context.Context, m *pb.SavePlayer) (*pb.Done, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	from := rpc.Caller(ctx).Node
	if n.deaf[from] {
		return nil, errDeaf
	}
	err := n.players.Save(ctx, player.ID(m.GetPlayer()), m.GetEpoch(), player.Save{State: m.GetState(), Schema: m.GetSchema()})
	newest, count := n.newest(m.GetPlayer()), greetings(m.GetState())
	switch {
	case m.GetEpoch() != newest.epoch:
		n.fenced++
		if fault.CodeOf(err) != fault.Fenced {
			n.fault("world %d saves player %d with epoch %d, and the newest is %d: %v", from, m.GetPlayer(), m.GetEpoch(), newest.epoch, err)
		}
	case err != nil:
		n.fault("world %d cannot save player %d with the newest epoch %d: %v", from, m.GetPlayer(), m.GetEpoch(), err)
	case from != newest.world || count != newest.count():
		n.fault("world %d saves player %d with %d greetings, and %d has answered %d", from, m.GetPlayer(), count, newest.world, newest.count())
	default:
		n.saved++
		n.stored[m.GetPlayer()] = count
	}
	return &pb.Done{}, err
}

// check compares what is in SQL with what was saved last, and returns everything that was ever wrong.
func (n *notary) check(ctx context.Context) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var rows []struct {
		ID    int64
		Epoch uint64
		State string
	}
	if err := n.tables.WithContext(ctx).Table("players").Select("id", "epoch", "state").Find(&rows).Error; err != nil {
		n.fault("read the players: %v", err)
	}
	if len(rows) != len(n.tenures) {
		n.fault("%d players are stored, and %d were loaded", len(rows), len(n.tenures))
	}
	for _, p := range rows {
		newest := n.newest(p.ID)
		if newest == nil {
			n.fault("player %d is stored, and was never loaded", p.ID)
		} else if count := greetings([]byte(p.State)); count != n.stored[p.ID] || p.Epoch != newest.epoch {
			n.fault("player %d is stored with %d greetings and epoch %d, and saved were %d, by epoch %d", p.ID, count, p.Epoch, n.stored[p.ID], newest.epoch)
		}
	}
	return n.wrong
}

// greetings reads them from a stored state.
func greetings(state []byte) int64 {
	var s world.State
	if len(state) == 0 {
		return 0
	}
	if err := json.Unmarshal(state, &s); err != nil {
		return -1
	}
	return s.Stats.Greetings
}
