package public

import (
	"context"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
	"loumiao/game/store/public"
)

// maxMute is how long a mute may last.
const maxMute = 10 * 365 * 24 * time.Hour

// ownCommands is the commands that public does by itself.
func (s *Service) ownCommands() []command.Handler {
	return []command.Handler{
		ordered(s, command.Kick, (*reign).kick),
		ordered(s, command.Mute, (*reign).mute),
		ordered(s, command.SendMail, (*reign).sendMail),
		ordered(s, command.Broadcast, (*reign).broadcast),
		ordered(s, command.Preview, (*reign).preview).Reading(),
		ordered(s, command.Grant, (*reign).grant),
		ordered(s, command.Maintenance, (*reign).maintain),
		ordered(s, command.Erase, (*reign).erase),
		ordered(s, command.Ban, (*reign).ban),
		ordered(s, command.Lift, (*reign).lift),
		ordered(s, command.LookUp, (*reign).lookUp).Reading(),
		ordered(s, command.Explain, (*reign).explain).Reading(),
		ordered(s, command.Logs, (*reign).logs).Reading(),
		ordered(s, command.QueueStatus, (*reign).queueStatus).Reading(),
		ordered(s, command.Robots, (*reign).robots).Reading(),
		ordered(s, command.RunRobots, (*reign).runRobots).AtMostOnce(), // the robot nodes may be others the next time, and the shares with them
		ordered(s, command.StopRobots, (*reign).stopRobots),
	}
}

// ordered is a handler that the one who leads has.
func ordered[A any](s *Service, name string, do func(*reign, context.Context, command.Command, A) (any, error)) command.Handler {
	return command.Handle(name, func(ctx context.Context, c command.Command, args A) (any, error) {
		r := s.reign.Load()
		if r == nil {
			return nil, errNotLeading
		}
		return do(r, ctx, c, args)
	})
}

// opKey is the key under which others do what a command asks of them, once.
func opKey(c command.Command) string { return "command:" + c.ID }

func (r *reign) kick(ctx context.Context, c command.Command, args command.KickArgs) (any, error) {
	_, err := api.KickPlayer.Call(ctx, r.node.RPC(), &pb.KickPlayer{Player: args.Player, Reason: c.Reason})
	switch fault.CodeOf(err) {
	case fault.OK:
		return command.Kicked{Online: true}, nil
	case fault.NotOwner, fault.NotFound:
		return command.Kicked{}, nil
	}
	return nil, err
}

func (r *reign) mute(ctx context.Context, c command.Command, args command.MuteArgs) (any, error) {
	if args.Player <= 0 || args.Seconds < 0 || args.Seconds > int64(maxMute.Seconds()) {
		return nil, fault.Errorf(fault.Invalid, "player %d cannot be muted for %d seconds", args.Player, args.Seconds)
	}
	until := r.now().Add(time.Duration(args.Seconds) * time.Second).UnixMilli()
	return nil, r.leader.Mute(ctx, public.Mute{Player: args.Player, Until: until, Reason: c.Reason, Author: c.Author})
}

func (r *reign) sendMail(ctx context.Context, c command.Command, args command.MailArgs) (any, error) {
	if err := checkLetter(args.Letter, r.tables.Get()); err != nil {
		return nil, err
	}
	sent, err := api.SendMail.Call(ctx, r.node.RPC(), &pb.SendMail{
		Player: args.Player, Key: opKey(c), Sender: args.Sender, Subject: args.Subject, Body: args.Body,
		Wallet: args.Wallet, Items: args.Items, ExpiresMs: args.Expires,
	}, rpc.ByKey(args.Player))
	if err != nil {
		return nil, err
	}
	return command.Mailed{Mail: sent.GetMail()}, nil
}

func (r *reign) grant(ctx context.Context, c command.Command, args command.GrantArgs) (any, error) {
	if len(args.Wallet)+len(args.Items) == 0 {
		return nil, fault.New(fault.Invalid, "there is nothing to give")
	}
	op := &pb.ApplyOp{Player: args.Player, Key: opKey(c), Reason: "operator", Wallet: args.Wallet, Items: args.Items, Spill: true}
	applied, err := api.ApplyOp.Call(ctx, r.node.RPC(), op, rpc.ByKey(args.Player))
	if err != nil {
		return nil, err
	}
	r.tellChanged(ctx, args.Player)
	return command.GrantArgs{Player: args.Player, Wallet: applied.GetWallet(), Items: applied.GetItems()}, nil
}

// maintain publishes an area's maintenance, if it is not so already.
func (r *reign) maintain(ctx context.Context, c command.Command, args command.MaintenanceArgs) (any, error) {
	on := "false"
	if args.On {
		on = "true"
	}
	var changes []*pb.ConfigChange
	for name, text := range map[string]string{"maintenance.on": on, "maintenance.notice": args.Notice, "maintenance.end": args.End} {
		changes = append(changes, &pb.ConfigChange{Name: name, Area: uint32(args.Area), Text: text})
	}
	checked, err := api.CheckConfig.Call(ctx, r.node.RPC(), &pb.CheckConfig{Changes: changes}, rpc.Any)
	if err != nil {
		return nil, err
	}
	if len(checked.GetProblems()) == 0 && len(checked.GetDiffs()) == 0 {
		return nil, nil
	}
	publish := &pb.PublishConfig{Changes: changes, Base: checked.GetVersion(), Author: c.Author, Reason: c.Reason}
	_, err = api.PublishConfig.Call(ctx, r.node.RPC(), publish, rpc.Any)
	return nil, err
}

// ban has account nodes keep an account out; it is in force when that is answered.
func (r *reign) ban(ctx context.Context, c command.Command, args command.BanArgs) (any, error) {
	if args.Account <= 0 {
		return nil, fault.Errorf(fault.Invalid, "there is no account %d", args.Account)
	}
	m := &pb.ImposeSanction{Account: args.Account, Reason: c.Reason, Author: c.Author, EndsMs: args.Ends, Key: opKey(c)}
	imposed, err := api.ImposeSanction.Call(ctx, r.node.RPC(), m, rpc.Any)
	if err != nil {
		return nil, err
	}
	return command.Banned{Sanction: imposed.GetId()}, nil
}

func (r *reign) lift(ctx context.Context, _ command.Command, args command.LiftArgs) (any, error) {
	_, err := api.LiftSanction.Call(ctx, r.node.RPC(), &pb.LiftSanction{Account: args.Account, Id: args.Sanction}, rpc.Any)
	return nil, err
}
