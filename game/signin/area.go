package signin

import (
	"errors"
	"fmt"

	"loumiao/framework/fault"
)

// An Area is one that players can choose.
type Area struct {
	ID   uint16 `json:"id" yaml:"id" min:"1" doc:"number of the area"`
	Name string `json:"name" yaml:"name" doc:"what players see"`
}

// ValidateAreas reports everything that is wrong with a list of areas, joined.
func ValidateAreas(areas []Area) error {
	var errs []error
	if len(areas) == 0 {
		errs = append(errs, errors.New("areas: there must be at least one"))
	}
	seen := map[uint16]bool{}
	for i, a := range areas {
		if a.ID == 0 || seen[a.ID] {
			errs = append(errs, fmt.Errorf("areas[%d].id: is %d; must be 1 to 65535, each once", i, a.ID))
		}
		seen[a.ID] = true
	}
	return errors.Join(errs...)
}

// area is the one that is wanted; for 0 the first.
func (s *Service) area(wanted uint16) (uint16, error) {
	for _, a := range s.Areas {
		if wanted == 0 || wanted == a.ID {
			return a.ID, nil
		}
	}
	return 0, fault.Errorf(fault.NotFound, "there is no area %d", wanted)
}
