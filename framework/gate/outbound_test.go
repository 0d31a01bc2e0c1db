package gate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestDroppingTheOldestKeepsEverythingElseInOrder checks a queue against a plain list of frames.
func TestDroppingTheOldestKeepsEverythingElseInOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		q := &queue{}
		type frame struct {
			text      string
			droppable bool
		}
		var want []frame
		for i := range 200 {
			switch rng.IntN(10) {
			case 0, 1, 2: // one is dropped
				oldest := slices.IndexFunc(want, func(f frame) bool { return f.droppable })
				if got := q.drop(); got != (oldest >= 0) {
					t.Fatalf("seed %d: dropped: %v, and the oldest is %d of %d", seed, got, oldest, len(want))
				}
				if oldest >= 0 {
					want = slices.Delete(want, oldest, oldest+1)
				}
			case 3:
				q.close()
			default:
				f := frame{fmt.Sprintf("<%d%*s>", i, rng.IntN(20), ""), rng.IntN(2) == 0}
				want = append(want, f)
				q.b = append(q.b, f.text...)
				q.marks = append(q.marks, markOf(len(f.text), f.droppable))
			}
			text := ""
			for _, f := range want {
				text += f.text
			}
			if bytes, frames := len(q.b)-q.gone, len(q.marks)-q.gaps; bytes != len(text) || frames != len(want) {
				t.Fatalf("seed %d: %d bytes in %d frames are left, want %d in %d", seed, bytes, frames, len(text), len(want))
			}
			if rng.IntN(10) == 0 {
				if q.close(); string(q.b) != text {
					t.Fatalf("seed %d: got %q, want %q", seed, q.b, text)
				}
			}
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	r := newRate(10, 5) // one each 100 ms, five at once
	var state int64
	now := int64(time.Hour)
	taken := func() (n int) {
		for r.take(&state, now, 1) {
			n++
		}
		return n
	}
	if n := taken(); n != 5 {
		t.Errorf("%d at once, want 5", n)
	}
	for pause, want := range map[time.Duration]int{50 * time.Millisecond: 0, 150 * time.Millisecond: 1} {
		state, now = 0, now+int64(time.Hour)
		taken()
		now += int64(pause)
		if n := taken(); n != want {
			t.Errorf("%d after %v, want %d", n, pause, want)
		}
	}
	now += int64(time.Hour)
	if n := taken(); n != 5 {
		t.Errorf("%d after an hour, want 5", n)
	}
	now += int64(time.Hour)
	if r.take(&state, now, 6) || !r.take(&state, now, 5) {
		t.Error("six units at once passed, or five did not")
	}
	if r = newRate(-1, 0); !r.take(&state, now, 1<<30) {
		t.Error("no limit limits")
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{{"1", "2"}, {"1.9", "1.10"}, {"1.2.3", "1.2.4-rc1"}, {"0.9.9", "1.0.0"}} {
		low, err1 := parseVersion(pair[0])
		high, err2 := parseVersion(pair[1])
		if err1 != nil || err2 != nil || !low.less(high) || high.less(low) || low.less(low) {
			t.Errorf("%v are not in order: %v %v", pair, err1, err2)
		}
	}
	for _, bad := range []string{"", "1.", "a", "1.2.3.4", "-1", "1.-2", "99999999999", " 1"} {
		if v, err := parseVersion(bad); err == nil {
			t.Errorf("%q was read as %v", bad, v)
		}
	}
}

func TestLobbyIsAQueueWithABound(t *testing.T) {
	t.Parallel()
	l := lobby{max: 3}
	var all []*session
	at := time.Now()
	enter := func() *session {
		s := &session{}
		all = append(all, s)
		at = at.Add(time.Second)
		return l.enter(s, at)
	}
	for range 3 {
		if out := enter(); out != nil {
			t.Fatal("pushed out before it was full")
		}
	}
	if out := enter(); out != all[0] {
		t.Error("not the oldest was pushed out")
	}
	if l.leave(all[0]) || !l.leave(all[2]) || l.leave(all[2]) {
		t.Error("who is in left, or who is not")
	}
	if out := enter(); out != nil {
		t.Error("pushed out though one had left")
	}
	if out := l.expire(at); len(out) != 2 || out[0] != all[1] || out[1] != all[3] {
		t.Errorf("%d expired", len(out))
	}
	if l.size() != 1 {
		t.Errorf("%d are left, want 1", l.size())
	}
}
