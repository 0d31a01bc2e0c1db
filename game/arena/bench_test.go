package arena

import "testing"

// busy is a match of eight that has been going on for long enough that bullets fly, and inputs that keep them flying.
func busy(b *testing.B) (*Arena, [][]Input) {
	a := New(Config{Ticks: 72000}, 1)
	next := bots(2)
	inputs := make([][]Input, 1024)
	for i := range inputs {
		inputs[i] = next(a)
		a.Step(inputs[i])
	}
	if len(a.Bullets()) == 0 {
		b.Fatal("no bullets")
	}
	return a, inputs
}

func BenchmarkStep(b *testing.B) {
	a, inputs := busy(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if a.Done() {
			a.tick = 0
		}
		a.Step(inputs[i%len(inputs)])
		i++
	}
}

func BenchmarkChecksum(b *testing.B) {
	a, _ := busy(b)
	b.ReportAllocs()
	for b.Loop() {
		a.Checksum()
	}
}

func BenchmarkNear(b *testing.B) {
	a, _ := busy(b)
	var v View
	b.ReportAllocs()
	for b.Loop() {
		a.Near(0, 8000, &v)
	}
}

func BenchmarkDecide(b *testing.B) {
	a, _ := busy(b)
	var v View
	a.Near(0, 8000, &v)
	r := NewRand(1)
	b.ReportAllocs()
	for b.Loop() {
		Decide(v, r)
	}
}

func TestNoAllocations(t *testing.T) {
	a := New(Config{Ticks: 72000}, 1)
	next, r := bots(2), NewRand(3)
	play(t, a, next, 300)
	inputs := next(a)
	var v View
	for name, f := range map[string]func(){
		"Step":     func() { a.Step(inputs) },
		"Checksum": func() { a.Checksum() },
		"Near":     func() { a.Near(0, 1<<30, &v) },
		"Decide":   func() { Decide(v, r) },
		"Pack":     func() { Unpack(inputs[0].Pack()) },
	} {
		f()
		if n := testing.AllocsPerRun(200, f); n >= 1 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
