package world

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"loumiao/framework/fault"
	"loumiao/game/api"
)

func TestDecodeState(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		data   string
		schema int32
		want   State
		code   fault.Code // of the error
	}{
		{name: "a new player"},
		{name: "this schema", data: `{"stats":{"entered":1,"greetings":2,"matches":3,"wins":4}}`, schema: Schema, want: State{Stats: Stats{1, 2, 3, 4}}},
		{
			name: "a match", schema: Schema,
			data: `{"stats":{},"ticket":5,"match":{"id":6,"room":7,"zone":8,"ticket":4,"mode":"arena","players":[1,2],"teams":2,"began":9,"fill":true},"ended":[3,2]}`,
			want: State{Ticket: 5, Match: &Match{6, 7, 8, 4, "arena", []api.PlayerID{1, 2}, 2, 9, true}, Ended: []api.MatchID{3, 2}},
		},
		{
			name: "a field", schema: Schema,
			data: `{"stats":{},"field":{"id":5,"map":"a","line":2,"visit":6,"zone":7,"boot":18446744073709551615,"session":9},"spot":{"map":"b","x":-1,"y":2}}`,
			want: State{Field: &Field{ID: 5, Map: "a", Line: 2, Visit: 6, Zone: 7, Boot: math.MaxUint64, Session: 9}, Spot: &Spot{"b", -1, 2}},
		},
		{name: "schema 3", data: `{"stats":{"wins":4},"ended":[5]}`, schema: 3, want: State{Stats: Stats{Wins: 4}, Ended: []api.MatchID{5}}},
		{name: "schema 2", data: `{"stats":{"wins":4}}`, schema: 2, want: State{Stats: Stats{Wins: 4}}},
		{name: "schema 1", data: `{"entered":1,"greetings":2}`, schema: 1, want: State{Stats: Stats{Entered: 1, Greetings: 2}}},
		{name: "schema 1, empty", data: `{}`, schema: 1},
		{name: "what this build does not know", data: `{"stats":{"wins":4,"later":1},"more":2}`, schema: Schema, want: State{Stats: Stats{Wins: 4}}},
		{name: "a newer schema", data: `{"stats":{}}`, schema: Schema + 1, code: fault.Version},
		{name: "no schema", data: `{}`, schema: 0, code: fault.Internal},
		{name: "damaged", data: `{"stats":`, schema: Schema, code: fault.Internal},
		{name: "damaged, schema 1", data: `[]`, schema: 1, code: fault.Internal},
		{name: "of another shape", data: `{"stats":7}`, schema: Schema, code: fault.Internal},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeState([]byte(test.data), test.schema)
			if code := fault.CodeOf(err); code != test.code {
				t.Fatalf("error %v; want code %v", err, test.code)
			}
			if err != nil {
				return
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("state %+v, want %+v", got, test.want)
			}
			data, err := got.encode()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := decodeState(data, Schema); err != nil || !reflect.DeepEqual(again, got) {
				t.Errorf("written and read again it is %+v, %v", again, err)
			}
		})
	}
}

// TestUpgraders has an upgrader for each schema that ever was.
func TestUpgraders(t *testing.T) {
	t.Parallel()
	for i, upgrade := range upgraders {
		if upgrade == nil {
			t.Errorf("nothing upgrades schema %d", i+1)
		}
	}
}

func FuzzDecodeState(f *testing.F) {
	f.Add([]byte(`{"entered":1}`), int32(1))
	f.Add([]byte(`{"stats":{"entered":1}}`), int32(Schema))
	f.Add([]byte(`{"ticket":5,"match":{"players":[1]},"ended":[]}`), int32(Schema))
	f.Add([]byte(`null`), int32(1))
	f.Fuzz(func(t *testing.T, data []byte, schema int32) {
		state, err := decodeState(data, schema)
		if err != nil {
			return
		}
		again, err := state.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeState(again, Schema)
		if err != nil {
			t.Fatal(err)
		}
		if third, err := got.encode(); err != nil || !bytes.Equal(third, again) {
			t.Errorf("%s of schema %d is %s, and read and written again %s, %v", data, schema, again, third, err)
		}
	})
}
