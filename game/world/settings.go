package world

import (
	"google.golang.org/protobuf/proto"

	"loumiao/framework/actor"
	"loumiao/framework/live"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/tables"
)

// settings is what the configuration centre can change while players are inside.
type settings struct {
	match       *live.Value[live.Share] // who may ask for a match
	maintenance *live.Value[api.MaintenanceState]
	tables      *live.Value[*tables.Tables]
}

// follow takes the settings, and tells everybody inside what concerns him of a change.
func (w *World) follow(set *live.Set) settings {
	s := settings{api.FeatureMatch.Of(set), api.Maintenance.Of(set), api.Tables.Of(set)}
	s.maintenance.OnChange(func() { w.tellAll(&maintenanceChanged{}) })
	s.tables.OnChange(func() { w.tellAll(&tablesChanged{}) })
	return s
}

// tellAll tells every player's actor.
func (w *World) tellAll(m any) {
	w.players.Range(func(_ api.PlayerID, ref actor.Ref) bool {
		if err := ref.Tell(m); err != nil {
			w.log.Warn("player not told of a change", "player", ref.Name(), "err", err)
		}
		return true
	})
}

// maintenanceChanged tells a player's actor that maintenance has changed, in some area.
type maintenanceChanged struct{}

func (p *Player) maintenanceChanged(*actor.Context, *maintenanceChanged) error {
	p.tellMaintenance()
	return nil
}

// tellMaintenance tells the client how it is with maintenance in the player's area, unless it knows.
func (p *Player) tellMaintenance() {
	if p.epoch == 0 || p.session == nil {
		return
	}
	state := p.world.live.maintenance.In(uint16(p.area))
	notice := &pb.MaintenanceNotice{On: state.On}
	if state.On {
		notice.Notice = state.Notice
		if !state.End.IsZero() {
			notice.EndMs = state.End.UnixMilli()
		}
	}
	if proto.Equal(notice, p.heard) || p.heard == nil && !state.On {
		return
	}
	p.heard = notice
	p.push(notice)
}

// tablesChanged tells a player's actor that the design tables have changed.
type tablesChanged struct{}

func (p *Player) tablesChanged(*actor.Context, *tablesChanged) error {
	p.push(&pb.TablesChanged{Version: p.world.tables().Version()})
	return nil
}
