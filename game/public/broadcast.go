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

const (
	broadcastPage = 20                   // broadcasts that a world gets at once
	maxBroadcast  = 400 * 24 * time.Hour // how long one may reach players
	maxGoods      = 16                   // as in any mail
)

func (r *reign) listBroadcasts(ctx context.Context, m *pb.ListBroadcasts) (*pb.ListBroadcastsReply, error) {
	list, err := r.store.Broadcasts(ctx, uint16(m.GetArea()), m.GetAfter(), broadcastPage)
	if err != nil {
		return nil, err
	}
	reply := &pb.ListBroadcastsReply{More: len(list) == broadcastPage}
	for _, b := range list {
		reply.Broadcasts = append(reply.Broadcasts, &pb.Broadcast{
			Id: b.ID, Area: uint32(b.Area), MinLevel: b.MinLevel, MaxLevel: b.MaxLevel, Sender: b.Sender, Subject: b.Subject, Body: b.Body,
			Wallet: b.Wallet, Items: b.Items, ExpiresMs: b.Expires.UnixMilli(),
		})
	}
	return reply, nil
}

// broadcast stores a broadcast, once for each command, and tells the worlds that there is one.
func (r *reign) broadcast(ctx context.Context, c command.Command, args command.BroadcastArgs) (any, error) {
	if err := r.checkBroadcast(args); err != nil {
		return nil, err
	}
	sent, err := r.leader.Broadcast(ctx, public.Broadcast{
		ID: r.node.IDs().Next(), Key: opKey(c), Area: args.Area, MinLevel: args.MinLevel, MaxLevel: args.MaxLevel,
		Sender: args.Sender, Subject: args.Subject, Body: args.Body, Wallet: args.Wallet, Items: args.Items,
		Author: c.Author, Expires: time.UnixMilli(args.Expires),
	})
	if err != nil {
		return nil, err
	}
	r.tellBroadcast(ctx)
	n, err := r.store.CountLevels(ctx, args.Area, args.MinLevel, args.MaxLevel)
	return command.Reach{Broadcast: sent.ID, Players: n}, err
}

// tellBroadcast tells the worlds that there may be a new broadcast. Players of one that misses it get it when they come next.
func (r *reign) tellBroadcast(ctx context.Context) {
	if err := api.BroadcastSent.Send(ctx, r.node.RPC(), &pb.BroadcastSent{}, rpc.All); err != nil {
		r.log.Debug("not every world was told of a broadcast", "err", err)
	}
}

// preview is how many a broadcast would reach.
func (r *reign) preview(ctx context.Context, _ command.Command, args command.BroadcastArgs) (any, error) {
	if err := r.checkBroadcast(args); err != nil {
		return nil, err
	}
	n, err := r.store.CountLevels(ctx, args.Area, args.MinLevel, args.MaxLevel)
	return command.Reach{Players: n}, err
}

// checkBroadcast is what db would say of the mail, before it is promised to everybody.
func (r *reign) checkBroadcast(b command.BroadcastArgs) error {
	now := r.now()
	expires := time.UnixMilli(b.Expires)
	switch {
	case b.Area != 0 && r.rooms[b.Area] == nil:
		return fault.Errorf(fault.NotFound, "there is no area %d", b.Area)
	case b.MinLevel < 0 || b.MaxLevel < 0 || b.MaxLevel != 0 && b.MaxLevel < b.MinLevel:
		return fault.Errorf(fault.Invalid, "there is no level from %d to %d", b.MinLevel, b.MaxLevel)
	case !expires.After(now) || expires.After(now.Add(maxBroadcast)):
		return fault.Errorf(fault.Invalid, "a broadcast must expire, within %d days", int(maxBroadcast.Hours()/24))
	}
	return checkLetter(b.Letter)
}
