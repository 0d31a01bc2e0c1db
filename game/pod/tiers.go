package pod

import (
	"slices"

	"loumiao/framework/id"
)

// Tiers is how many groups of nodes [Pod.Stop] stops one after the other.
func Tiers(specs []Spec) int { return len(tiers(specs)) }

// tiers groups nodes by how deep what they need goes: those in the first need none of the others.
func tiers(specs []Spec) [][]id.Node {
	depth := map[string]int{}
	var measure func(typ string, seen []string) int
	measure = func(typ string, seen []string) int {
		if d, ok := depth[typ]; ok || slices.Contains(seen, typ) {
			return d
		}
		d := 0
		for _, s := range specs {
			if s.Type != typ {
				continue
			}
			for _, need := range s.Needs {
				if slices.ContainsFunc(specs, func(s Spec) bool { return s.Type == need }) {
					d = max(d, measure(need, append(seen, typ))+1)
				}
			}
		}
		depth[typ] = d
		return d
	}
	var tiers [][]id.Node
	for _, s := range specs {
		d := measure(s.Type, nil)
		for len(tiers) <= d {
			tiers = append(tiers, nil)
		}
		tiers[d] = append(tiers[d], s.ID)
	}
	return tiers
}
