package public

import (
	"context"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/command"
	"loumiao/game/pb"
)

// lookedUp is how many of a player's changes, mails and matches an operator is shown at once.
const lookedUp = 50

// lookUp gathers what there is to know about a player, for the console, which cannot ask db itself. It reads what is stored, and needs no owner.
func (r *reign) lookUp(ctx context.Context, _ command.Command, args command.LookUpArgs) (any, error) {
	if args.Player == 0 && args.Name != "" {
		found, err := api.FindByName.Call(ctx, r.node.RPC(), &pb.FindByName{Area: uint32(args.Area), Name: args.Name}, rpc.Any)
		if err != nil {
			return nil, err
		}
		args.Player = found.GetPlayer()
	}
	if args.Player <= 0 {
		return nil, fault.New(fault.NotFound, "there is no such player")
	}
	key := rpc.ByKey(args.Player)
	profile, err := api.ReadProfile.Call(ctx, r.node.RPC(), &pb.ReadProfile{Player: args.Player}, key)
	if err != nil {
		return nil, err
	}
	ledger, err := api.ListLedger.Call(ctx, r.node.RPC(), &pb.ListLedger{Player: args.Player, Limit: lookedUp, Before: args.Before}, key)
	if err != nil {
		return nil, err
	}
	mails, err := api.ListMails.Call(ctx, r.node.RPC(), &pb.ListMails{Player: args.Player, Limit: lookedUp}, key)
	if err != nil {
		return nil, err
	}
	matches, err := api.ListMatches.Call(ctx, r.node.RPC(), &pb.ListMatches{Player: args.Player, Limit: lookedUp}, key)
	if err != nil {
		return nil, err
	}
	friends, err := api.ListFriends.Call(ctx, r.node.RPC(), &pb.ListFriends{Player: args.Player}, key)
	if err != nil {
		return nil, err
	}
	mute, muted, err := r.leader.MuteOf(ctx, args.Player)
	if err != nil {
		return nil, err
	}
	found := command.Found{
		Player: profile.GetPlayer(), Name: profile.GetName(), Area: uint16(profile.GetArea()), Level: profile.GetLevel(), Exp: profile.GetExp(),
		Rating: profile.GetRating(), Wallet: profile.GetWallet(), Items: map[string]int64{},
	}
	for _, i := range profile.GetItems() {
		found.Items[i.GetItem()] = i.GetCount()
	}
	if muted {
		found.Mute = &command.FoundMute{Until: mute.Until, Reason: mute.Reason, Author: mute.Author}
	}
	for _, e := range ledger.GetEntries() {
		found.Ledger = append(found.Ledger, command.FoundChange{
			ID: e.GetId(), Key: e.GetKey(), Reason: e.GetReason(), Asset: e.GetAsset(), Amount: e.GetAmount(), At: e.GetCreatedMs(),
		})
	}
	for _, m := range mails.GetMails() {
		found.Mails = append(found.Mails, command.FoundMail{
			ID: m.GetId(), Sender: m.GetSender(), Subject: m.GetSubject(), Wallet: m.GetWallet(), Items: m.GetItems(), Sent: m.GetCreatedMs(), Claimed: m.GetClaimed(),
		})
	}
	for _, m := range matches.GetMatches() {
		found.Matches = append(found.Matches, command.FoundMatch{
			ID: m.GetMatch(), Mode: m.GetMode(), Place: m.GetPlace(), Rating: m.GetRatingAfter() - m.GetRatingBefore(), Ended: m.GetEndedMs(),
		})
	}
	for _, f := range friends.GetFriends() {
		found.Friends = append(found.Friends, command.FoundFriend{
			Player: f.GetPlayer(), Name: f.GetName(), Level: f.GetLevel(), Bond: bondNames[f.GetBond()], Since: f.GetSinceMs(),
		})
	}
	return found, nil
}

var bondNames = map[pb.Friend_Bond]string{
	pb.Friend_FRIEND: "friend", pb.Friend_ASKED: "asked", pb.Friend_ASKED_BY: "asked by", pb.Friend_BLOCKED: "blocked",
}
