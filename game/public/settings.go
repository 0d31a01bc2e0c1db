package public

import (
	"context"
	"strings"
	"sync"

	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// listedText is how much of a text is listed, in bytes: design tables have many lines.
const listedText = 256

// settingCommands is what operators can do with the configuration centre. A publication that was interrupted is not made again: it may have been made, and nobody
// else may be overwritten.
func (s *Service) settingCommands() []command.Handler {
	return []command.Handler{
		ordered(s, command.Settings, (*reign).settings).Reading(),
		ordered(s, command.Check, (*reign).checkSettings).Reading(),
		ordered(s, command.History, (*reign).settingHistory).Reading(),
		ordered(s, command.Publish, (*reign).publishSettings).AtMostOnce(),
		ordered(s, command.RollBack, (*reign).rollBackSettings).AtMostOnce(),
	}
}

func (r *reign) settings(ctx context.Context, _ command.Command, args command.SettingsArgs) (any, error) {
	now, err := api.ReadConfig.Call(ctx, r.node.RPC(), &pb.ReadConfig{}, rpc.Any)
	if err != nil {
		return nil, err
	}
	made := r.publications(ctx, now.GetEntries())
	list := command.SettingsList{Version: now.GetVersion(), Settings: []command.Setting{}}
	for _, k := range now.GetKeys() {
		if args.Name != "" && args.Name != k.GetName() {
			continue
		}
		one := command.Setting{
			Name: k.GetName(), Type: k.GetType(), Allowed: k.GetAllowed(), Doc: k.GetDoc(), PerArea: k.GetPerArea(), FromFile: k.GetFromFile(),
		}
		text := func(whole string) string {
			if args.Name != "" || len(whole) <= listedText {
				return whole
			}
			one.Cut = true
			return strings.ToValidUTF8(whole[:listedText], "")
		}
		one.Default = text(k.GetDefault())
		for _, e := range now.GetEntries() {
			if e.GetName() == k.GetName() {
				by := made[e.GetVersion()]
				one.Values = append(one.Values, command.SettingValue{
					Area: uint16(e.GetArea()), Text: text(e.GetText()), Version: e.GetVersion(), Author: by.GetAuthor(), Reason: by.GetReason(), At: by.GetAtMs(),
				})
			}
		}
		list.Settings = append(list.Settings, one)
	}
	return list, nil
}

// publications is who made those that entries are of. One that cannot be read is left out: what is published is more than who did it.
func (r *reign) publications(ctx context.Context, entries []*pb.ConfigEntry) map[uint64]*pb.ConfigVersion {
	made := map[uint64]*pb.ConfigVersion{}
	for _, e := range entries {
		made[e.GetVersion()] = nil
	}
	versions := make([]*pb.ConfigVersion, 0, len(made))
	var mu sync.Mutex
	var asking sync.WaitGroup
	for version := range made {
		asking.Go(func() {
			reply, err := api.ListConfigHistory.Call(ctx, r.node.RPC(), &pb.ListConfigHistory{Before: version + 1, Limit: 1}, rpc.Any)
			if err == nil {
				mu.Lock()
				versions = append(versions, reply.GetVersions()...)
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	for _, v := range versions {
		made[v.GetVersion()] = v
	}
	return made
}

func (r *reign) checkSettings(ctx context.Context, _ command.Command, args command.CheckArgs) (any, error) {
	reply, err := api.CheckConfig.Call(ctx, r.node.RPC(), &pb.CheckConfig{Changes: changesFor(args.Changes), BackTo: args.BackTo}, rpc.Any)
	if err != nil {
		return nil, err
	}
	checked := command.Checked{Version: reply.GetVersion(), Diffs: []command.SettingDiff{}, Problems: reply.GetProblems()}
	for _, d := range reply.GetDiffs() {
		checked.Diffs = append(checked.Diffs, command.SettingDiff{SettingChange: changeOf(d.GetChange()), Had: d.GetHad(), Before: d.GetBefore()})
	}
	return checked, nil
}

func (r *reign) publishSettings(ctx context.Context, c command.Command, args command.PublishArgs) (any, error) {
	m := &pb.PublishConfig{Changes: changesFor(args.Changes), Base: args.Base, Author: c.Author, Reason: c.Reason}
	reply, err := api.PublishConfig.Call(ctx, r.node.RPC(), m, rpc.Any)
	if err != nil {
		return nil, err
	}
	return command.Published{Version: reply.GetVersion()}, nil
}

func (r *reign) rollBackSettings(ctx context.Context, c command.Command, args command.RollBackArgs) (any, error) {
	m := &pb.RollBackConfig{Version: args.Version, Base: args.Base, Author: c.Author, Reason: c.Reason}
	reply, err := api.RollBackConfig.Call(ctx, r.node.RPC(), m, rpc.Any)
	if err != nil {
		return nil, err
	}
	return command.Published{Version: reply.GetVersion()}, nil
}

func (r *reign) settingHistory(ctx context.Context, _ command.Command, args command.HistoryArgs) (any, error) {
	reply, err := api.ListConfigHistory.Call(ctx, r.node.RPC(), &pb.ListConfigHistory{Before: args.Before, Limit: args.Limit}, rpc.Any)
	if err != nil {
		return nil, err
	}
	list := command.PublishedList{Versions: []command.Publication{}}
	for _, v := range reply.GetVersions() {
		p := command.Publication{Version: v.GetVersion(), Author: v.GetAuthor(), Reason: v.GetReason(), At: v.GetAtMs()}
		for _, c := range v.GetChanges() {
			p.Changes = append(p.Changes, changeOf(c))
		}
		list.Versions = append(list.Versions, p)
	}
	return list, nil
}

func changesFor(changes []command.SettingChange) []*pb.ConfigChange {
	var list []*pb.ConfigChange
	for _, c := range changes {
		list = append(list, &pb.ConfigChange{Name: c.Name, Area: uint32(c.Area), Text: c.Text, Remove: c.Remove})
	}
	return list
}

func changeOf(c *pb.ConfigChange) command.SettingChange {
	return command.SettingChange{Name: c.GetName(), Area: uint16(c.GetArea()), Text: c.GetText(), Remove: c.GetRemove(), Cut: c.GetCut()}
}
