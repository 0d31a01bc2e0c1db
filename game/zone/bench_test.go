package zone

import (
	"testing"

	"google.golang.org/protobuf/proto"
)

// A wireClient does what a session does with what it is pushed, but for sending it.
type wireClient struct {
	buf   []byte
	bytes int
}

func (c *wireClient) Push(m proto.Message) (err error) {
	c.buf, err = proto.MarshalOptions{}.MarshalAppend(c.buf[:0], m)
	c.bytes += len(c.buf)
	return err
}

// fought is the inputs of a minute between eight bots.
func fought(b *testing.B) *Recording {
	fight := newBattle(5, players(8), 0, Defaults(), 42, false)
	bots := make([]*fakeClient, 8)
	for i, p := range players(8) {
		bots[i] = newClient(uint64(i), 0)
		bots[i].join(b, fight, p)
	}
	for !fight.arena.Done() {
		for _, c := range bots {
			fight.steer(c, c.act())
		}
		fight.step()
	}
	return fight.tape
}

// One tick of a full room, with all its snapshots encoded. 25 rooms are 500 ticks a second.
func BenchmarkTick(b *testing.B) {
	tape := fought(b)
	b.ReportAllocs()
	var clients [8]wireClient
	var fight *battle
	ticks, all := 0, 0
	for b.Loop() {
		if fight == nil || fight.arena.Done() {
			fight = newBattle(5, tape.Players, 0, Defaults(), tape.Seed, false)
			for i := range clients {
				fight.seats[i].client = &clients[i]
			}
		}
		at := fight.arena.Tick()
		for i := range fight.seats {
			s := &fight.seats[i]
			s.input, s.seen = tape.Inputs[8*at+i], int32(at/2*2-2) // a round trip of one snapshot
		}
		fight.step()
		ticks++
	}
	for i := range clients {
		all += clients[i].bytes
	}
	b.ReportMetric(float64(all)/float64(len(clients)*ticks)*20, "bytes/s/player")
}
