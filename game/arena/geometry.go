package arena

const (
	turn      = 4096 // a full circle, in the unit of angles
	half      = turn / 2
	quarter   = turn / 4
	one       = 256 // what sin and cos return for 1
	fullStick = 127
)

// sin is the sine of angle times 256, within 1 of exact. It is Bhaskara I's rational approximation (7th century), which needs no table:
// with x in half turns, 16x(1-x) / (5-4x(1-x)).
func sin(angle uint16) int32 {
	x := int32(angle % half)
	p := x * (half - x)
	divisor := 5*quarter*quarter - p
	s := (4*one*p + divisor/2) / divisor // rounded to the nearest
	if angle%turn >= half {
		return -s
	}
	return s
}

// cos is the cosine of angle times 256.
func cos(angle uint16) int32 { return sin(angle%turn + quarter) }

// Angle is the direction of (dx, dy) in 1/4096 of a turn, within 3 of exact; 0 for no direction. It takes any values.
func Angle(dx, dy int32) uint16 {
	// Small enough that the quotient below fits 32 bits; the direction stays.
	for dx > 1<<20 || dx < -1<<20 || dy > 1<<20 || dy < -1<<20 {
		dx, dy = dx/2, dy/2
	}
	if dx == 0 && dy == 0 {
		return 0
	}
	x, y := abs(dx), abs(dy)
	a := octant(min(x, y), max(x, y))
	if y > x {
		a = quarter - a
	}
	if dx < 0 {
		a = half - a
	}
	if dy < 0 {
		a = turn - a
	}
	return uint16(a % turn)
}

// octant is the arc tangent of small/large, which is at most 1, by the approximation pi/4 z + 0.273 z (1-z) (Rajan et al.,
// "Efficient approximations for the arctangent function", 2006).
func octant(small, large int32) int32 {
	z := small * 1024 / large
	return (turn/8*z + 178*z/32*(1024-z)/32 + 512) / 1024
}

// onCircle shortens a stick that is pushed beyond the circle, so that diagonals are no faster.
func onCircle(dx, dy int32) (int32, int32) {
	square := dx*dx + dy*dy
	if square <= fullStick*fullStick {
		return dx, dy
	}
	length := root(square)
	return dx * fullStick / length, dy * fullStick / length
}

// root is the square root of n, rounded down. n is below 2^16.
func root(n int32) int32 {
	var r int32
	for bit := int32(1 << 7); bit > 0; bit >>= 1 {
		if next := r + bit; next*next <= n {
			r = next
		}
	}
	return r
}

// within tells whether (dx, dy) is no longer than radius, which is at most 2^14. Far points are dismissed before they are
// squared.
func within(dx, dy, radius int32) bool {
	return abs(dx) <= radius && abs(dy) <= radius && dx*dx+dy*dy <= radius*radius
}

// sweep tells whether something that moves by (vx, vy), about speed long, touches a circle at (mx, my) from its start, and how
// far along its way, in points times speed. radius is at most 2^10, speed 2^11.
func sweep(mx, my, vx, vy, speed, radius int32) (along int32, touches bool) {
	if reach := radius + speed; abs(mx) > reach || abs(my) > reach {
		return 0, false
	}
	along = mx*vx + my*vy
	if within(mx, my, radius) || within(mx-vx, my-vy, radius) {
		return along, true
	}
	// Between the ends: the distance from the line is |cross| / speed.
	cross := mx*vy - my*vx
	return along, along > 0 && along < vx*vx+vy*vy && abs(cross) <= radius*speed
}

// apart is the distance of two points along the longer axis.
func apart(x1, y1, x2, y2 int32) int32 { return max(abs(x1-x2), abs(y1-y2)) }

func abs(n int32) int32 {
	if n < 0 {
		return -n
	}
	return n
}
