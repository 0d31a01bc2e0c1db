package arena

// An Input is what one player does in one tick. The zero Input does nothing.
type Input struct {
	DX, DY int8   // stick, -127 to 127 on each axis; pushed beyond the circle of 127 it counts as on it
	Aim    uint16 // where the ship points and shoots, in 1/4096 of a turn; only the low 12 bits count
	Fire   bool   // shoot, as soon as the gun is loaded
}

// Bits of a packed input, from the lowest: 8 of DX, 8 of DY, 12 of Aim, 1 of Fire, 3 unused.
const (
	dyShift   = 8
	aimShift  = 16
	fireShift = 28
)

// Pack is the input in 32 bits, for the wire and for records. Inputs that have the same effect pack alike, but for sticks
// beyond the circle.
func (in Input) Pack() uint32 {
	in = in.normal()
	u := uint32(uint8(in.DX)) | uint32(uint8(in.DY))<<dyShift | uint32(in.Aim)<<aimShift
	if in.Fire {
		u |= 1 << fireShift
	}
	return u
}

// Unpack is the input that u stands for. Every u stands for one: unused bits are ignored, values out of range are clamped.
func Unpack(u uint32) Input {
	in := Input{
		DX:   int8(uint8(u)),
		DY:   int8(uint8(u >> dyShift)),
		Aim:  uint16(u >> aimShift),
		Fire: u>>fireShift&1 == 1,
	}
	return in.normal()
}

// normal is in with its values in range. It is what the simulation acts on, so that a value that never went over the wire has the
// effect of one that did.
func (in Input) normal() Input {
	return Input{DX: max(in.DX, -fullStick), DY: max(in.DY, -fullStick), Aim: in.Aim % turn, Fire: in.Fire}
}
