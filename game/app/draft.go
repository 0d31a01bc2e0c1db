package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"loumiao/framework/live"
	"loumiao/game/pb"
)

// A draft is changes that are not published, and the version that they are for.
type draft struct {
	Base    uint64        `json:"base"`
	Changes []live.Change `json:"changes"`
}

func (d draft) messages() []*pb.ConfigChange {
	changes := make([]*pb.ConfigChange, len(d.Changes))
	for i, c := range d.Changes {
		changes[i] = &pb.ConfigChange{Name: c.Name, Area: uint32(c.Area), Text: c.Text, Remove: c.Remove}
	}
	return changes
}

// A draftFile is where a draft is kept.
type draftFile string

var errNoDraft = errors.New("there is no draft; begin one with \"game config set KEY VALUE\"")

func (f draftFile) read() (d draft, ok bool, err error) {
	data, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return d, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &d)
	}
	if err != nil {
		return d, false, fmt.Errorf("the draft %s: %w; \"game config discard\" forgets it", f, err)
	}
	return d, true, nil
}

func (f draftFile) write(d draft) error {
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(string(f), data, 0o600)
}
