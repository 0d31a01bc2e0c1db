package queue

import (
	"math/rand/v2"
	"testing"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/frameworktest"
	"loumiao/framework/lease"
	"loumiao/game/api"
)

// TestFailover kills the node that leads while players wait, one is away and one has a pass: the standby goes on, everybody stands where he stood, in his lane, and is
// let in once, by a pass that is good once and for him alone.
func TestFailover(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	cfg := quick(1)
	cfg.Lease = lease.Config{TTL: 2 * time.Second}
	leader := h.queue(cfg)
	leader.Ready()
	standby := h.queue(cfg)
	h.open()
	h.publish(map[string]string{"queue.priority": "1004"})
	pass := h.connect(1).comeIn()
	frameworktest.Eventually(t, "the account is in its lane", func() bool {
		c := h.connect(4)
		defer c.Close()
		s := c.enter()
		if s.GetLane() != api.PriorityLane {
			c.leave()
		}
		return s.GetLane() == api.PriorityLane
	})
	lanes := map[string][]api.PlayerID{api.PriorityLane: {4}, "standard": {2, 3, 5, 6}}
	callers := map[api.PlayerID]*caller{}
	for i, p := range lanes["standard"] {
		callers[p] = h.connect(p)
		if s := callers[p].enter(); s.GetPosition() != uint32(1+i) || s.GetLane() != "standard" {
			t.Fatalf("player %v is told %v", p, s)
		}
	}
	_ = callers[3].Close()

	leader.Kill()
	standby.Ready()
	callers[3], callers[4] = h.connect(3), h.connect(4)
	back := []api.PlayerID{2, 3, 4, 5, 6}
	rand.Shuffle(len(back), func(i, j int) { back[i], back[j] = back[j], back[i] })
	for _, p := range back {
		callers[p].enter()
	}
	for lane, order := range lanes {
		for i, p := range order {
			if s := callers[p].enter(); s.GetPass() != "" || s.GetPosition() != uint32(1+i) || s.GetWaiting() != uint32(len(order)) || s.GetLane() != lane {
				t.Errorf("after the failover player %v is told %v", p, s)
			}
		}
	}
	if err := h.redeem(2, pass); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("another's pass: %v", err)
	}
	if err := h.redeem(1, pass); err != nil {
		t.Errorf("a pass of before the failover: %v", err)
	}
	if err := h.redeem(1, pass); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("a pass that was used: %v", err)
	}
	inside := api.PlayerID(1)
	for range callers {
		h.left(inside)
		frameworktest.Eventually(t, "the first of a lane is let in", func() bool {
			for lane, order := range lanes {
				if len(order) > 0 && len(callers[order[0]].passes()) == 1 {
					inside, lanes[lane] = order[0], order[1:]
					return true
				}
			}
			return false
		})
		if err := h.redeem(inside, callers[inside].passes()[0]); err != nil {
			t.Errorf("player %v: %v", inside, err)
		}
	}
	for p, c := range callers {
		if n := len(c.passes()); n != 1 {
			t.Errorf("player %v is let in %d times", p, n)
		}
	}
	if f := h.read(inside); f.GetPlaces() != 1 || f.GetWaiting() != 0 || f.GetAway() != 0 {
		t.Errorf("in the end: %v", f)
	}
}
