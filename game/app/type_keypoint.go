package app

import (
	"fmt"
	"os"

	"loumiao/configs"
	"loumiao/framework/node"
	"loumiao/game/api"
	"loumiao/robot"
	"loumiao/web/keypoint"
)

// TypeKeypoint is node type 15.
type TypeKeypoint struct {
	Keypoint keypoint.Config `yaml:"keypoint"`
}

func (t *TypeKeypoint) defaults() { t.Keypoint = keypoint.Defaults() }

func (*TypeKeypoint) row() nodeType {
	return nodeType{
		number: 15, name: api.Keypoint, job: "analytics events", observer: true, stores: []string{"keypoint"},
		make: func(p *process, index int) (node.Service, error) { return p.newKeypoint(index) },
		robots: func(cfg Config, r *robot.Config) {
			if r.Keypoint == "" && cfg.Pod.Nodes[api.Keypoint] > 0 && len(cfg.Keypoint.Keys) > 0 {
				r.Keypoint, r.KeypointKey = "http://"+cfg.Keypoint.Listen, cfg.Keypoint.Keys[0].Key
			}
		},
	}
}

// newKeypoint takes the events that are declared in the file that is configured, or else in the built-in one.
func (p *process) newKeypoint(index int) (node.Service, error) {
	text := configs.Events
	if file := p.cfg.Keypoint.Schemas; file != "" {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("keypoint.schemas: %w", err)
		}
	}
	schemas, err := keypoint.ParseSchemas(text)
	if err != nil {
		return nil, fmt.Errorf("keypoint.schemas: %w", err)
	}
	return keypoint.NewNode(p.cfg.Keypoint, schemas, index), nil
}
