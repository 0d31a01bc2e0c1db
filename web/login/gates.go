package login

import (
	"context"
	"math/rand/v2"
	"slices"

	"loumiao/framework/fault"
)

const (
	candidates = 32 // gates that are looked at
	offered    = 3  // gates that a client is told of: one to use, others for when it is gone
)

// gates chooses the gates to offer. Their load is a second old, and everybody who logs in within that second sees the same: sending all of
// them to the least loaded gate would flood it. So each place on the list goes to the better of two random gates
// (M. Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001).
func (s *Service) gates(ctx context.Context, area uint16) ([]GateAddress, error) {
	up, err := s.Gates.Pick(ctx, area, candidates)
	if err != nil {
		return nil, err
	}
	up = slices.DeleteFunc(slices.Clone(up), func(g Gate) bool { return g.TCP == "" && g.WS == "" && g.KCP == "" })
	if len(up) == 0 {
		return nil, fault.Errorf(fault.Unavailable, "no gate is up for area %d", area)
	}
	var chosen []GateAddress
	for len(chosen) < offered && len(up) > 0 {
		i, j := rand.N(len(up)), rand.N(len(up))
		if up[j].load() < up[i].load() {
			i = j
		}
		chosen = append(chosen, GateAddress{TCP: up[i].TCP, WS: up[i].WS, KCP: up[i].KCP})
		up = slices.Delete(up, i, i+1)
	}
	return chosen, nil
}

// load is the part of the gate's places that is taken.
func (g Gate) load() float64 { return float64(g.Sessions) / float64(max(1, g.Capacity)) }
