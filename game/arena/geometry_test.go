package arena

import (
	"math"
	"math/big"
	"testing"
)

func TestSineAndCosine(t *testing.T) {
	t.Parallel()
	for angle := range turn {
		radians := float64(angle) * 2 * math.Pi / turn
		if got, want := float64(sin(uint16(angle))), one*math.Sin(radians); math.Abs(got-want) > 1 {
			t.Fatalf("sin(%d) = %v, want %v", angle, got, want)
		}
		if got, want := float64(cos(uint16(angle))), one*math.Cos(radians); math.Abs(got-want) > 1 {
			t.Fatalf("cos(%d) = %v, want %v", angle, got, want)
		}
	}
	for angle, want := range map[uint16]int32{0: 0, 1024: one, 2048: 0, 3072: -one, turn + 1024: one, 65535: sin(turn - 1)} {
		if got := sin(angle); got != want {
			t.Errorf("sin(%d) = %d, want %d", angle, got, want)
		}
	}
}

func TestAngle(t *testing.T) {
	t.Parallel()
	test := func(dx, dy int32) {
		t.Helper()
		want := math.Atan2(float64(dy), float64(dx)) * turn / (2 * math.Pi)
		off := math.Remainder(float64(Angle(dx, dy))-want, turn)
		if math.Abs(off) > 3.5 {
			t.Fatalf("Angle(%d, %d) = %d, want %.1f", dx, dy, Angle(dx, dy), want)
		}
	}
	r := NewRand(5)
	for range 20000 {
		scale := r.Below(31)
		test(int32(r.Next())>>scale, int32(r.Next())>>scale|1)
	}
	ends := []int32{math.MinInt32, math.MinInt32 + 1, -1, 1, math.MaxInt32}
	for _, dx := range ends {
		for _, dy := range ends {
			test(dx, dy)
		}
		test(dx, 0)
		test(0, dx)
	}
	if Angle(0, 0) != 0 {
		t.Error("no direction is not 0")
	}
}

func TestOnCircle(t *testing.T) {
	t.Parallel()
	for dx := int32(-fullStick); dx <= fullStick; dx++ {
		for dy := int32(-fullStick); dy <= fullStick; dy++ {
			x, y := onCircle(dx, dy)
			length, given := math.Hypot(float64(x), float64(y)), math.Hypot(float64(dx), float64(dy))
			if given <= fullStick && (x != dx || y != dy) {
				t.Fatalf("(%d, %d) became (%d, %d)", dx, dy, x, y)
			}
			if given > fullStick && (length > fullStick+1 || length < fullStick-2) {
				t.Fatalf("(%d, %d) became (%d, %d), %v long", dx, dy, x, y, length)
			}
		}
	}
}

// The sweep agrees with exact arithmetic on the distance of a circle's centre from a path, but for a rim as wide as the rounding of
// a bullet's speed.
func TestSweep(t *testing.T) {
	t.Parallel()
	r := NewRand(9)
	hits := 0
	for range 50000 {
		speed, radius := 64+r.Below(2048-64+1), 64+r.Below(1024-64+1)
		aim := uint16(r.Below(turn))
		vx, vy := speed*cos(aim)/one, speed*sin(aim)/one
		mx, my := r.Below(8001)-4000, r.Below(8001)-4000
		_, touches := sweep(mx, my, vx, vy, speed, radius)
		distance := distanceFromPath(mx, my, vx, vy)
		rim := 0.02*float64(radius) + 2
		if touches && distance > float64(radius)+rim || !touches && distance < float64(radius)-rim {
			t.Fatalf("circle of %d at (%d, %d), path (%d, %d): touches %v at distance %v", radius, mx, my, vx, vy, touches, distance)
		}
		if touches {
			hits++
		}
	}
	if hits < 1000 {
		t.Fatalf("only %d hits", hits)
	}
	far := []int32{-1 << 17, 1 << 17}
	for _, mx := range far {
		for _, my := range far {
			if _, touches := sweep(mx, my, 2048, 0, 2048, 1024); touches {
				t.Errorf("touches from (%d, %d)", mx, my)
			}
		}
	}
}

// distanceFromPath is the distance of (mx, my) from the segment (0,0)-(vx,vy), by exact rationals up to the root.
func distanceFromPath(mx, my, vx, vy int32) float64 {
	dot, square := int64(mx)*int64(vx)+int64(my)*int64(vy), int64(vx)*int64(vx)+int64(vy)*int64(vy)
	at := big.NewRat(min(max(dot, 0), square), square)
	offset := func(m, v int32) *big.Rat {
		d := new(big.Rat).Sub(new(big.Rat).SetInt64(int64(m)), new(big.Rat).Mul(at, new(big.Rat).SetInt64(int64(v))))
		return d.Mul(d, d)
	}
	sum, _ := new(big.Rat).Add(offset(mx, vx), offset(my, vy)).Float64()
	return math.Sqrt(sum)
}

func TestRand(t *testing.T) {
	t.Parallel()
	var zero Rand
	if zero.Next() != NewRand(0).Next() {
		t.Error("the zero Rand is not the one seeded with 0")
	}
	for _, n := range []int32{math.MinInt32, -1, 0, 1} {
		if got := zero.Below(n); got != 0 {
			t.Errorf("Below(%d) = %d", n, got)
		}
	}
	var count [10]int
	r := NewRand(3)
	for range 100000 {
		count[r.Below(10)]++
	}
	for n, c := range count {
		if c < 9500 || c > 10500 {
			t.Errorf("%d came %d times of 100000", n, c)
		}
	}
}
