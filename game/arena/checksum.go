package arena

import "math/bits"

// Checksum is a digest of the whole state and the rules: two runs of a match whose checksums differ have diverged. It is for
// finding mistakes, not cheats.
//
// It is two independent 32-bit lanes, high and low half, each with the block and final steps of MurmurHash3 (Appleby, public
// domain), so that 32-bit arithmetic computes it.
func (a *Arena) Checksum() uint64 {
	c := a.rules
	c.add(int32(a.tick))
	c.add(int32(a.lastID))
	c.add(int32(a.rand.state))
	for i := range a.ships {
		s := &a.ships[i]
		c.add(s.X)
		c.add(s.Y)
		c.add(s.VX)
		c.add(s.VY)
		c.add(int32(s.Aim))
		c.add(s.Hull)
		c.add(s.Guard)
		c.add(s.Reload)
		c.add(s.Respawn)
		c.add(s.Score)
		c.add(s.Kills)
		c.add(s.Deaths)
	}
	for seat, was := range a.former {
		if was != (counts{}) { // so that a match without a hand-over has the checksums that it had before there were any
			c.add(int32(seat))
			c.add(was.score)
			c.add(was.kills)
			c.add(was.deaths)
		}
	}
	c.add(int32(len(a.bullets)))
	for i := range a.bullets {
		b := &a.bullets[i]
		c.add(int32(b.ID))
		c.add(int32(b.Owner))
		c.add(b.X)
		c.add(b.Y)
		c.add(b.VX)
		c.add(b.VY)
		c.add(b.Life)
	}
	c.add(int32(len(a.shards)))
	for _, s := range a.shards {
		c.add(int32(s.ID))
		c.add(s.X)
		c.add(s.Y)
	}
	return c.sum()
}

// checksum is a digest in the making; the zero one is empty.
type checksum struct{ high, low uint32 }

// checksumOf digests the rules, in the order of their fields.
func checksumOf(cfg Config) checksum {
	var c checksum
	cfg.visit(func(_ string, value, _, _, _ int) int {
		c.add(int32(value))
		return value
	})
	return c
}

func (c *checksum) add(n int32) {
	c.high ^= bits.RotateLeft32(uint32(n)*0x239b961b, 15) * 0xab0e9789
	c.high = bits.RotateLeft32(c.high, 19)*5 + 0x561ccd1b
	c.low ^= bits.RotateLeft32(uint32(n)*0xcc9e2d51, 15) * 0x1b873593
	c.low = bits.RotateLeft32(c.low, 13)*5 + 0xe6546b64
}

func (c checksum) sum() uint64 { return uint64(mix(c.high))<<32 | uint64(mix(c.low)) }

func mix(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}
