package arena

// A Rand is a small random source, the same everywhere for the same seed. The zero Rand is one seeded with 0. It is not for
// secrets, and not safe for concurrent use.
//
// It counts in steps of the golden ratio and mixes the counter: the scheme of SplitMix (Steele, Lea, Flood, "Fast
// splittable pseudorandom number generators", 2014) with the 32-bit mixer of Wellons' hash-prospector.
type Rand struct{ state uint32 }

// NewRand is a source that begins at seed. All seeds are equally good.
func NewRand(seed uint32) *Rand { return &Rand{state: seed} }

// Next is the next number, uniform over all of uint32.
func (r *Rand) Next() uint32 {
	r.state += 0x9e3779b9
	x := r.state
	x ^= x >> 16
	x *= 0x21f0aaad
	x ^= x >> 15
	x *= 0x735a2d97
	x ^= x >> 15
	return x
}

// Below is a number from 0 to n-1, and 0 if n is not positive. It always draws once. Its bias, n in 2^32, is nothing to a game.
func (r *Rand) Below(n int32) int32 {
	x := r.Next()
	if n < 1 {
		return 0
	}
	return int32(x % uint32(n))
}
