package world

import (
	"testing"

	"loumiao/framework/fault"
)

func TestDecodeState(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data   string
		schema int32
		want   Stats
	}{
		"a new player":         {"", 0, Stats{}},
		"today's schema":       {`{"stats":{"entered":3,"greetings":2,"matches":5,"wins":1}}`, 2, Stats{Entered: 3, Greetings: 2, Matches: 5, Wins: 1}},
		"upgraded from 1 to 2": {`{"entered":3,"greetings":7}`, 1, Stats{Entered: 3, Greetings: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := decodeState([]byte(c.data), c.schema)
			if err != nil || s.Stats != c.want {
				t.Errorf("decodeState = %+v, %v; want %+v", s.Stats, err, c.want)
			}
		})
	}
}

func TestDecodeStateRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data   string
		schema int32
		code   fault.Code
	}{
		"a newer build's": {`{"stats":{}}`, Schema + 1, fault.Version},
		"no schema":       {`{"stats":{}}`, 0, fault.Internal},
		"no JSON":         {`{`, Schema, fault.Internal},
		"no JSON, an old": {`{`, 1, fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := decodeState([]byte(c.data), c.schema); fault.CodeOf(err) != c.code || err == nil {
				t.Errorf("decodeState: %v, want code %v", err, c.code)
			}
		})
	}
}

func TestStateComesBack(t *testing.T) {
	t.Parallel()
	want := State{Stats: Stats{Entered: 1, Greetings: 2, Matches: 3, Wins: 4}}
	data, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeState(data, Schema); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestInsideReportsWhoLeftOnce(t *testing.T) {
	t.Parallel()
	i := newInside()
	i.add(1, 7, 10)
	i.add(2, 7, 11)
	i.remove(2)
	i.remove(3) // was never here
	r := i.reports()[7]
	if len(r.GetPlayers()) != 1 || r.GetPlayers()[0] != 1 || len(r.GetLeft()) != 1 || r.GetLeft()[0] != 2 {
		t.Errorf("first report: %v", r)
	}
	if r := i.reports()[7]; len(r.GetPlayers()) != 1 || len(r.GetLeft()) != 0 {
		t.Errorf("second report: %v", r)
	}
	if e := i.epochs(); len(e) != 1 || e[1] != 10 {
		t.Errorf("epochs: %v", e)
	}
}
