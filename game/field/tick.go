package field

import "loumiao/game/pb"

// Show ends a tick and has every walker's client sent what has changed near him, if anything has: send is called for each group of clients who are told the same, and
// for no client twice. It
// keeps neither of its arguments, and leaves the field as it is.
func (f *Field[C]) Show(send func(to []C, u *pb.FieldUpdate)) {
	f.tick++
	f.settle()
	f.update.Tick = f.tick
	for _, at := range f.peopled {
		f.show(at, send)
	}
	for _, at := range f.stirred {
		c := &f.cells[at]
		clear(c.moved)
		clear(c.came)
		c.stirred, c.moved, c.came, c.left = false, c.moved[:0], c.came[:0], c.left[:0]
	}
	f.stirred = f.stirred[:0]
	clear(f.to)
	f.reset(false)
}

// settle lists everybody where he is at the end of the tick, and notes in the cells what has happened.
func (f *Field[C]) settle() {
	for _, w := range f.touched {
		w.touched = false
		if w.left {
			continue
		}
		from := w.home
		home := f.cellOf(w.At(), from)
		if home == from {
			c := f.stir(home)
			c.moved = append(c.moved, w)
			continue
		}
		if from != nowhere {
			f.remove(w)
			f.stir(from).left = append(f.cells[from].left, departure{w.intro.Walker, home})
		}
		f.add(w, home)
		f.stir(home).came = append(f.cells[home].came, arrival[C]{w, from})
		w.came = f.tick
	}
	clear(f.touched)
	f.touched = f.touched[:0]
}

// show tells the walkers of a cell what is near.
func (f *Field[C]) show(at int32, send func([]C, *pb.FieldUpdate)) {
	c := &f.cells[at]
	all := (f.tick+at)%FullEvery == 0 // not all cells in the same tick
	if f.pick(c, func(w *Walker[C]) bool { return all || w.came == f.tick }) {
		f.reset(true)
		f.around(at, f.tellAll)
		send(f.to, &f.update)
	}
	if all || !f.pick(c, func(w *Walker[C]) bool { return w.came != f.tick }) {
		return
	}
	f.reset(false)
	f.around(at, func(near int32) {
		if f.cells[near].stirred {
			f.tellChanges(at, near)
		}
	})
	if u := &f.update; len(u.Walkers)+len(u.Moved)+len(u.Gone) > 0 {
		send(f.to, u)
	}
}

// pick makes those of a cell whom which chooses the receivers, and reports whether there are any.
func (f *Field[C]) pick(c *cell[C], which func(*Walker[C]) bool) bool {
	f.to = f.to[:0]
	for _, w := range c.walkers {
		if which(w) {
			f.to = append(f.to, w.Client)
		}
	}
	return len(f.to) > 0
}

// reset empties the update in hand.
func (f *Field[C]) reset(full bool) {
	u := &f.update
	clear(u.Walkers)
	u.Full, u.Walkers, u.Moved, u.X, u.Y, u.Gone = full, u.Walkers[:0], u.Moved[:0], u.X[:0], u.Y[:0], u.Gone[:0]
}

func (f *Field[C]) tellAll(at int32) {
	for _, w := range f.cells[at].walkers {
		f.update.Walkers = append(f.update.Walkers, w.intro)
	}
}

// tellChanges tells those of a cell what has happened in another that they see.
func (f *Field[C]) tellChanges(at, near int32) {
	c, u := &f.cells[near], &f.update
	for _, w := range c.moved {
		f.tellMoved(w)
	}
	for _, a := range c.came {
		if f.sees(at, a.from) {
			f.tellMoved(a.walker)
		} else {
			u.Walkers = append(u.Walkers, a.walker.intro)
		}
	}
	for _, d := range c.left {
		if !f.sees(at, d.to) {
			u.Gone = append(u.Gone, d.walker)
		}
	}
}

func (f *Field[C]) tellMoved(w *Walker[C]) {
	u := &f.update
	u.Moved, u.X, u.Y = append(u.Moved, w.intro.Walker), append(u.X, w.intro.X), append(u.Y, w.intro.Y)
}
