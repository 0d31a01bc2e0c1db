package config

import (
	"context"
	"slices"
	"strings"

	"loumiao/framework/fault"
	"loumiao/framework/live"
	"loumiao/framework/node"
	"loumiao/game/pb"
	"loumiao/game/store/config"
)

const (
	someVersions = 20  // of a history, when nobody says how many
	historyText  = 256 // bytes of a text that a history shows
)

func (s *Service) read(context.Context, *pb.ReadConfig) (*pb.ReadConfigReply, error) {
	r := s.reign.Load()
	if r == nil {
		return nil, errNotLeading
	}
	now := r.snapshot()
	reply := &pb.ReadConfigReply{Version: now.Version}
	for _, e := range now.Entries {
		reply.Entries = append(reply.Entries, &pb.ConfigEntry{Name: e.Name, Area: uint32(e.Area), Text: e.Text, Version: e.Version})
	}
	for _, k := range s.schema.Specs() {
		reply.Keys = append(reply.Keys, &pb.ConfigKey{
			Name: k.Name, Type: k.Type, Allowed: k.Allowed, Default: k.Default, Doc: k.Doc, PerArea: k.PerArea, FromFile: k.FromFile,
		})
	}
	return reply, nil
}

func (s *Service) check(ctx context.Context, m *pb.CheckConfig) (*pb.CheckConfigReply, error) {
	r := s.reign.Load()
	if r == nil {
		return nil, errNotLeading
	}
	now := r.snapshot()
	changes, err := changesOf(m.GetChanges())
	if err == nil && m.BackTo != nil {
		changes, err = s.changesTo(ctx, now, m.GetBackTo())
	}
	if err != nil {
		return nil, err
	}
	reply := &pb.CheckConfigReply{Version: now.Version}
	for _, c := range changes {
		e, had := now.Entry(c.Name, c.Area)
		if had && !c.Remove && e.Text == c.Text || !had && c.Remove {
			continue
		}
		reply.Diffs = append(reply.Diffs, &pb.ConfigDiff{Change: changeFor(c), Had: had, Before: e.Text})
	}
	if m.BackTo == nil || len(changes) > 0 {
		for _, p := range r.schema.Check(now, changes) {
			reply.Problems = append(reply.Problems, p.String())
		}
	}
	return reply, nil
}

func (s *Service) publish(ctx context.Context, m *pb.PublishConfig) (*pb.PublishConfigReply, error) {
	r := s.reign.Load()
	if r == nil {
		return nil, errNotLeading
	}
	changes, err := changesOf(m.GetChanges())
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return nil, fault.New(fault.Invalid, "there is nothing to publish")
	}
	return s.published(r.publish(ctx, config.Publication{Changes: changes, Base: m.GetBase(), Author: m.GetAuthor(), Reason: m.GetReason()}))
}

func (s *Service) rollBack(ctx context.Context, m *pb.RollBackConfig) (*pb.PublishConfigReply, error) {
	r := s.reign.Load()
	if r == nil {
		return nil, errNotLeading
	}
	now := r.snapshot()
	if now.Version != m.GetBase() { // going back changes everything, so everything must be as its author has seen it
		return nil, fault.Errorf(fault.FailedPrecondition, "version %d has been published since version %d: look at it again", now.Version, m.GetBase())
	}
	changes, err := s.changesTo(ctx, now, m.GetVersion())
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return nil, fault.Errorf(fault.FailedPrecondition, "everything is as it was in version %d", m.GetVersion())
	}
	return s.published(r.publish(ctx, config.Publication{Changes: changes, Base: now.Version, Whole: true, Author: m.GetAuthor(), Reason: m.GetReason()}))
}

// changesTo is what has to change for everything to be as it was, as far as this build has keys for it.
func (s *Service) changesTo(ctx context.Context, now live.Snapshot, version uint64) ([]live.Change, error) {
	changes, err := s.store.ChangesTo(ctx, now, version)
	return slices.DeleteFunc(changes, func(c live.Change) bool { return !c.Remove && !s.schema.Knows(c.Name) }), outside(err)
}

// published is the answer to a publication. A node that turns out to be deposed fails, to start again as a standby.
func (s *Service) published(version uint64, err error) (*pb.PublishConfigReply, error) {
	if fault.CodeOf(err) == fault.Fenced {
		s.node.Fail(node.ErrLeadLost)
		return nil, errNotLeading
	}
	if err != nil {
		return nil, outside(err)
	}
	return &pb.PublishConfigReply{Version: version}, nil
}

func (s *Service) history(ctx context.Context, m *pb.ListConfigHistory) (*pb.ListConfigHistoryReply, error) {
	limit := int(m.GetLimit())
	if limit == 0 {
		limit = someVersions
	}
	if limit < 0 || limit > config.MaxHistory {
		return nil, fault.Errorf(fault.Invalid, "limit %d: must be 1 to %d", limit, config.MaxHistory)
	}
	versions, err := s.store.History(ctx, m.GetBefore(), limit)
	if err != nil {
		return nil, outside(err)
	}
	reply := &pb.ListConfigHistoryReply{}
	for _, v := range versions {
		one := &pb.ConfigVersion{Version: v.Version, Author: v.Author, Reason: v.Reason, AtMs: v.At.UnixMilli()}
		for _, c := range v.Changes {
			shown := changeFor(c)
			if len(shown.Text) > historyText {
				shown.Text, shown.Cut = strings.ToValidUTF8(shown.Text[:historyText], ""), true
			}
			one.Changes = append(one.Changes, shown)
		}
		reply.Versions = append(reply.Versions, one)
	}
	return reply, nil
}

func changesOf(changes []*pb.ConfigChange) ([]live.Change, error) {
	if len(changes) > live.MaxChanges {
		return nil, fault.Errorf(fault.TooLarge, "%d changes at once are more than %d", len(changes), live.MaxChanges)
	}
	out := make([]live.Change, len(changes))
	for i, c := range changes {
		if c.GetArea() > 1<<16-1 || c.GetCut() {
			return nil, fault.Errorf(fault.Invalid, "%s: there is no area %d, or the text is cut off", c.GetName(), c.GetArea())
		}
		out[i] = live.Change{Name: c.GetName(), Area: uint16(c.GetArea()), Text: c.GetText(), Remove: c.GetRemove()}
	}
	return out, nil
}

func changeFor(c live.Change) *pb.ConfigChange {
	return &pb.ConfigChange{Name: c.Name, Area: uint32(c.Area), Text: c.Text, Remove: c.Remove}
}
