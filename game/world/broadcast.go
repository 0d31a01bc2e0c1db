package world

import (
	"context"
	"fmt"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
)

const (
	// spreadPause is between two players who are told of a broadcast, so that db does not get all of their mails at once.
	spreadPause = 2 * time.Millisecond
	// broadcastAgain is when a player whose broadcast could not be had, or not be kept, looks for it again.
	broadcastAgain = time.Minute
)

// broadcastSent is told the newest broadcast, again and again.
func (w *World) broadcastSent(_ context.Context, m *pb.BroadcastSent) (*pb.Done, error) {
	if w.newest.Swap(m.GetNewest()) == m.GetNewest() {
		return &pb.Done{}, nil
	}
	select {
	case w.spread <- struct{}{}:
	default: // somebody is about to look anyway
	}
	return &pb.Done{}, nil
}

// spreadBroadcasts has everybody who is here look for broadcasts, whenever there may be a new one, until ctx ends.
func (w *World) spreadBroadcasts(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.spread:
		}
		for player := range w.inside.epochs() {
			if err := w.players.Tell(player, &lookForBroadcasts{}); err != nil {
				w.log.Debug("player does not look for a broadcast now", "player", player, "err", err)
			}
			pause := time.NewTimer(spreadPause)
			select {
			case <-ctx.Done():
				pause.Stop()
				return
			case <-pause.C:
			}
		}
	}
}

// lookForBroadcasts has the player given what was sent to all since he last looked.
type lookForBroadcasts struct{}

func (p *Player) looksForBroadcasts(ctx *actor.Context, after time.Duration) {
	p.broadcasts.Stop()
	p.broadcasts = ctx.After(after, &lookForBroadcasts{})
}

func (p *Player) lookForBroadcasts(ctx *actor.Context, _ *lookForBroadcasts) error {
	if p.holds() != nil {
		return nil
	}
	if !p.world.hasPublic() {
		p.looksForBroadcasts(ctx, broadcastAgain)
		return nil
	}
	for more := true; more; {
		list, err := api.ListBroadcasts.Call(ctx, p.world.rpc, &pb.ListBroadcasts{After: p.state.Broadcast, Area: uint32(p.area)}, rpc.Any)
		if err != nil {
			p.broadcastsFailed(ctx, err)
			return nil
		}
		for _, b := range list.GetBroadcasts() {
			if err := p.takeBroadcast(ctx, b); err != nil {
				p.broadcastsFailed(ctx, err)
				return nil
			}
			p.state.Broadcast = b.GetId()
			p.changed(ctx)
		}
		more = list.GetMore()
	}
	return nil
}

// takeBroadcast gives the player a broadcast that is for him: once, by its key. It is not for those who came into the game later, whose ids are greater.
func (p *Player) takeBroadcast(ctx *actor.Context, b *pb.Broadcast) error {
	level := p.profile.GetLevel()
	if int64(p.id) > b.GetId() || level < b.GetMinLevel() || b.GetMaxLevel() != 0 && level > b.GetMaxLevel() {
		return nil
	}
	_, err := api.SendMail.Call(ctx, p.world.rpc, &pb.SendMail{
		Player: int64(p.id), Key: fmt.Sprintf("broadcast:%d", b.GetId()), Sender: b.GetSender(), Subject: b.GetSubject(), Body: b.GetBody(),
		Wallet: b.GetWallet(), Items: b.GetItems(), ExpiresMs: b.GetExpiresMs(), Owed: true,
	}, p.db())
	if fault.CodeOf(err) == fault.Invalid { // it has expired in this moment
		return nil
	}
	return err
}

// broadcastsFailed looks again later: nobody was there to ask, or the mailbox is full.
func (p *Player) broadcastsFailed(ctx *actor.Context, err error) {
	p.world.log.Debug("broadcasts not had; will look again", "player", p.id, "err", err)
	p.looksForBroadcasts(ctx, broadcastAgain)
}
