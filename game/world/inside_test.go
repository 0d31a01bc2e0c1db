package world

import (
	"maps"
	"slices"
	"testing"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/game/api"
)

func TestInside(t *testing.T) {
	t.Parallel()
	i := newInside()
	report := func(area api.Area) (players, left []int64, ok bool) {
		r, ok := i.reports()[area]
		slices.Sort(r.GetPlayers())
		return r.GetPlayers(), r.GetLeft(), ok
	}
	if got := i.reports(); len(got) != 0 {
		t.Errorf("an empty world reports %v", got)
	}
	i.add(1, 1, 10, actor.Ref{})
	i.add(2, 1, 20, actor.Ref{})
	i.add(3, 2, 30, actor.Ref{})
	i.add(2, 1, 21, actor.Ref{}) // again, with a new epoch
	if got, want := i.epochs(), (map[api.PlayerID]uint64{1: 10, 2: 21, 3: 30}); !maps.Equal(got, want) {
		t.Errorf("epochs %v, want %v", got, want)
	}
	if players, left, _ := report(1); !slices.Equal(players, []int64{1, 2}) || len(left) != 0 {
		t.Errorf("area 1: %v inside, %v left", players, left)
	}
	i.remove(1)
	i.remove(1)
	i.remove(3)
	i.remove(99)
	reports := i.reports()
	if r := reports[1]; !slices.Equal(r.GetPlayers(), []int64{2}) || !slices.Equal(r.GetLeft(), []int64{1}) || !slices.Equal(r.GetEpochs(), []uint64{21, 10}) || r.GetArea() != 1 {
		t.Errorf("area 1 after one has left: %v", r)
	}
	if r := reports[2]; len(r.GetPlayers()) != 0 || !slices.Equal(r.GetLeft(), []int64{3}) || !slices.Equal(r.GetEpochs(), []uint64{30}) {
		t.Errorf("area 2 after the last has left: %v", r)
	}
	if _, left, _ := report(1); len(left) != 0 {
		t.Errorf("%v are said to have left twice", left)
	}
	if _, _, ok := report(2); ok {
		t.Error("an empty area is reported")
	}
	// One who leaves and comes back between two reports is inside.
	i.remove(2)
	i.add(2, 1, 22, actor.Ref{})
	if players, left, _ := report(1); !slices.Equal(players, []int64{2}) || len(left) != 0 {
		t.Errorf("one who came back: %v inside, %v left", players, left)
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	for asked, want := range map[int32]int32{0: 20, 1: 1, 50: 50, 51: -1, -1: -1} {
		got, err := rows(asked, 20, 50)
		if want < 0 && fault.CodeOf(err) != fault.Invalid || want >= 0 && (err != nil || got != want) {
			t.Errorf("who asks for %d rows gets %d, %v; want %d", asked, got, err, want)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if err := Defaults().Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	cfg := Defaults()
	cfg.ReportEvery = 6 * time.Second // the queue forgets after three of 5 s
	if cfg.Validate() == nil {
		t.Error("reports too seldom for the queue are accepted")
	}
	if (Config{}).Validate() == nil {
		t.Error("a Config without anything is accepted")
	}
}
