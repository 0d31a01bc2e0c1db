package snapshot

import "errors"

// diff says how to get from base to now, some ticks later: what to say, and what is gone. Both lists are in ascending order, and so is
// what comes out.
func diff[E entity[E]](base, now []E, ticks int32, say func(E), gone func(key uint32)) {
	i := 0
	for _, e := range now {
		for i < len(base) && base[i].key() < e.key() {
			gone(base[i].key())
			i++
		}
		if i < len(base) && base[i].key() == e.key() {
			i++
			if base[i-1].after(ticks) == e {
				continue
			}
		}
		say(e)
	}
	for ; i < len(base); i++ {
		gone(base[i].key())
	}
}

var errGone = errors.New("something is gone that was not there, or not in order")

// patch appends to dst what base has become some ticks later, given what diff said.
func patch[E entity[E]](dst, base []E, ticks int32, said []E, gone []int32) ([]E, error) {
	for _, e := range base {
		for len(said) > 0 && said[0].key() < e.key() {
			dst, said = append(dst, said[0]), said[1:]
		}
		switch {
		case len(gone) > 0 && uint32(gone[0]) == e.key():
			gone = gone[1:]
		case len(said) > 0 && said[0].key() == e.key():
			dst, said = append(dst, said[0]), said[1:]
		default:
			dst = append(dst, e.after(ticks))
		}
	}
	if len(gone) > 0 {
		return dst, errGone
	}
	return append(dst, said...), nil
}
