package snapshot

import (
	"errors"
	"fmt"

	"loumiao/game/arena"
	"loumiao/game/pb"
)

// The most that a snapshot may show. No rules of the arena allow more.
const (
	maxShips  = arena.MaxPlayers
	maxThings = 2048 // shards, and bullets
)

// A Decoder is what a client knows of its room. It belongs to one goroutine at a time.
type Decoder struct {
	room  int64
	seat  int
	since int32 // the tick in which the client has joined
	seen  int32
	input uint32
	held  []state // what later snapshots may build on, oldest first
	spare []state // slices to use again
	said  state   // what the snapshot in hand mentions
	view  arena.View
}

// NewDecoder is a Decoder for the room that the client has joined. A client that joins again makes a new one.
func NewDecoder(joined *pb.JoinRoomReply) *Decoder {
	d := &Decoder{room: joined.GetRoom(), seat: int(joined.GetShip()), since: joined.GetTick()}
	d.view.Rules = arena.Config{
		Players: len(joined.GetPlayers()), Ticks: int(joined.GetTicks()), Width: joined.GetWidth(), Height: joined.GetHeight(),
		Teams: int(joined.GetTeams()),
	}
	(&state{}).show(d.seat, &d.view)
	return d
}

// Apply takes a snapshot in. One that is older than what is known already is ignored, and so is one from before the client has joined: it was under way then,
// to the same session. The error says that the snapshot is malformed or of
// another room, or builds on one that the decoder does not hold; then the view stays, and Seen asks for a keyframe. m is not kept.
func (d *Decoder) Apply(m *pb.Snapshot) error {
	if m.GetRoom() != d.room {
		return fmt.Errorf("snapshot of room %d: this is room %d", m.GetRoom(), d.room)
	}
	if m.GetTick() <= max(d.since, d.Tick()) {
		return nil
	}
	if err := d.apply(m); err != nil {
		d.seen = 0
		return fmt.Errorf("snapshot of tick %d since %d: %w", m.GetTick(), m.GetSince(), err)
	}
	return nil
}

func (d *Decoder) apply(m *pb.Snapshot) error {
	if m.GetTick() < 1 || m.GetSince() < 0 || m.GetSince() >= m.GetTick() {
		return errors.New("no such ticks")
	}
	var base state
	if m.GetSince() > 0 {
		at := d.find(m.GetSince())
		if at < 0 {
			return errors.New("it builds on one that is not here")
		}
		base = d.held[at]
	}
	if err := d.said.read(m); err != nil {
		return err
	}
	now := d.take()
	now.tick = m.GetTick()
	ticks := now.tick - base.tick
	var errs [3]error
	now.ships, errs[0] = patch(now.ships[:0], base.ships, ticks, d.said.ships, m.GetGoneShips())
	now.shards, errs[1] = patch(now.shards[:0], base.shards, ticks, d.said.shards, m.GetGoneShards())
	now.bullets, errs[2] = patch(now.bullets[:0], base.bullets, ticks, d.said.bullets, m.GetGoneBullets())
	err := errors.Join(errs[:]...)
	if err == nil {
		err = now.bounded()
	}
	if err != nil {
		d.spare = append(d.spare, now)
		return err
	}
	d.hold(now, m.GetSince())
	d.seen, d.input = now.tick, m.GetInput()
	now.show(d.seat, &d.view)
	return nil
}

// Seen is what the client says in RoomInput.seen: the tick of the newest snapshot applied, or 0 to ask for a keyframe.
func (d *Decoder) Seen() int32 { return d.seen }

// Tick is the tick of what View shows; 0 before the first snapshot.
func (d *Decoder) Tick() int32 {
	if len(d.held) == 0 {
		return 0
	}
	return d.held[len(d.held)-1].tick
}

// Input is the number of the player's last input that View includes.
func (d *Decoder) Input() uint32 { return d.input }

// View is what is near the player's ship. Its slices are the decoder's own and hold until the next Apply. What is not told is left zero, but for
// a lost ship's Respawn, which is 1, and a bullet's Owner, which is -1. Before the first snapshot the player's ship is lost.
func (d *Decoder) View() arena.View { return d.view }

func (d *Decoder) find(tick int32) int {
	for i := range d.held {
		if d.held[i].tick == tick {
			return i
		}
	}
	return -1
}

// hold keeps s and lets go of what no later snapshot can build on: what is older than since, as a zone never goes back, and what a zone has
// forgotten.
func (d *Decoder) hold(s state, since int32) {
	drop := 0
	for drop < len(d.held) && (d.held[drop].tick < since || len(d.held)-drop >= History) {
		drop++
	}
	d.spare = append(d.spare, d.held[:drop]...)
	d.held = append(d.held[:0], d.held[drop:]...)
	d.held = append(d.held, s)
}

func (d *Decoder) take() state {
	if len(d.spare) == 0 {
		return state{}
	}
	s := d.spare[len(d.spare)-1]
	d.spare = d.spare[:len(d.spare)-1]
	return s
}

// read makes s what m mentions.
func (s *state) read(m *pb.Snapshot) error {
	if len(m.GetShips()) > maxShips || len(m.GetShards()) > maxThings || len(m.GetBullets()) > maxThings {
		return errCrowd
	}
	s.ships = s.ships[:0]
	for _, o := range m.GetShips() {
		if o.GetShip() < 0 || o.GetShip() >= maxShips {
			return fmt.Errorf("ship %d: there is no such seat", o.GetShip())
		}
		s.ships = append(s.ships, ship{
			seat: uint32(o.GetShip()), x: o.GetX(), y: o.GetY(), vx: o.GetVx(), vy: o.GetVy(),
			aim: uint16(o.GetAim()), hull: o.GetHull(), score: o.GetScore(),
		})
	}
	s.shards, s.bullets = readThings(s.shards, m.GetShards()), readThings(s.bullets, m.GetBullets())
	if !ascending(s.ships) || !ascending(s.shards) || !ascending(s.bullets) {
		return errors.New("ids are not in order")
	}
	return nil
}

func readThings(dst []thing, from []*pb.Thing) []thing {
	dst = dst[:0]
	for _, o := range from {
		dst = append(dst, thing{id: uint32(o.GetId()), x: o.GetX(), y: o.GetY(), vx: o.GetVx(), vy: o.GetVy()})
	}
	return dst
}

func ascending[E entity[E]](list []E) bool {
	for i := 1; i < len(list); i++ {
		if list[i].key() <= list[i-1].key() {
			return false
		}
	}
	return true
}

var errCrowd = errors.New("more than an arena can hold")

// bounded keeps a zone from growing its clients' memory, a little with each delta.
func (s *state) bounded() error {
	if len(s.ships) > maxShips || len(s.shards) > maxThings || len(s.bullets) > maxThings {
		return errCrowd
	}
	return nil
}
