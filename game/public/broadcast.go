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
	tellEvery     = 10 * time.Second     // how often worlds are told of the newest one
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

// keepTelling tells the worlds of the newest broadcast now and then: one that a leader stored just before it died, or that a world missed.
func (r *reign) keepTelling(ctx context.Context) {
	for {
		r.tellBroadcast(ctx)
		if !sleep(ctx, tellEvery) {
			return
		}
	}
}

// tellBroadcast tells the worlds which broadcast is the newest. One that knows it already does nothing.
func (r *reign) tellBroadcast(ctx context.Context) {
	newest, err := r.store.NewestBroadcast(ctx)
	if err == nil && newest != 0 {
		err = api.BroadcastSent.Send(ctx, r.node.RPC(), &pb.BroadcastSent{Newest: newest}, rpc.All)
	}
	if err != nil {
		r.log.Debug("not every world was told of the newest broadcast; they will be told again", "err", err)
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
	return checkLetter(b.Letter, r.tables.Get())
}
