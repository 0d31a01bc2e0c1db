package robot

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/game/pb"
	"loumiao/robot/client"
)

// dailies is what a robot does when it comes for the first time: it signs in, and takes what is in its mails.
func (r *robot) dailies(ctx context.Context) error {
	if r.signedIn || r.playing != nil {
		return nil
	}
	if err := r.signIn(ctx); err != nil {
		return err
	}
	r.signedIn = true
	return r.claim(ctx)
}

// signIn signs in twice, as a client does that has not heard the answer.
func (r *robot) signIn(ctx context.Context) error {
	var days [2]int64
	var first *pb.SignInReply
	for i := range days {
		reply, done, err := tryAsk[*pb.SignInReply](r, ctx, "world.sign_in", &pb.SignIn{}, fault.FailedPrecondition)
		if !done {
			return err
		}
		if i == 0 {
			first = reply
		}
		days[i] = reply.GetDay()
		if i == 1 && days[0] == days[1] && !reply.GetRepeated() {
			r.tally.hold(doneOnce, fmt.Errorf("player %d signs in twice on day %d", r.player, reply.GetDay()))
		}
	}
	return r.checkOnce(ctx, fmt.Sprintf("sign_in:%d", days[0]), !first.GetRepeated() && first.GetMail() == 0)
}

// claim takes what is in one mail, twice.
func (r *robot) claim(ctx context.Context) error {
	list, err := ask[*pb.GetMailsReply](r, ctx, "world.mails", &pb.GetMails{Limit: 20})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list.GetMails(), func(m *pb.Mail) bool { return !m.GetClaimed() && len(m.GetWallet())+len(m.GetItems()) > 0 })
	if i < 0 {
		return nil
	}
	mail := list.GetMails()[i].GetId()
	for range 2 {
		// A bag may be full, and a mail expire.
		_, done, err := tryAsk[*pb.ClaimMailReply](r, ctx, "world.claim", &pb.ClaimMail{Mail: mail}, fault.FailedPrecondition, fault.NotFound)
		if !done {
			return err
		}
	}
	return r.checkOnce(ctx, fmt.Sprintf("claim:%d", mail), true)
}

// spend buys something that the robot can pay for, twice with the same request.
func (r *robot) spend(ctx context.Context) error {
	offers, err := ask[*pb.GetOffersReply](r, ctx, "world.offers", &pb.GetOffers{})
	if err != nil || len(offers.GetOffers()) == 0 {
		return err
	}
	offer := offers.GetOffers()[r.rand.IntN(len(offers.GetOffers()))]
	request := strconv.FormatInt(time.Now().UnixNano(), 36) // also unlike those of an earlier run
	for range 2 {
		m := &pb.BuyOffer{Request: request, Offer: offer.GetId(), Count: 1, Price: offer.GetPrice()}
		_, done, err := tryAsk[*pb.BuyOfferReply](r, ctx, "world.buy", m, fault.FailedPrecondition, fault.NotFound)
		if !done {
			return err
		}
	}
	return r.checkOnce(ctx, "shop:"+request, len(offer.GetPrice()) > 0)
}

// socialize accepts who has asked, now and then asks somebody of the last match, and says something to a friend.
func (r *robot) socialize(ctx context.Context) error {
	list, err := ask[*pb.GetFriendsReply](r, ctx, "world.friends", &pb.GetFriends{})
	if err != nil {
		return err
	}
	candidate, friend := r.met, int64(0)
	for _, f := range list.GetFriends() {
		switch {
		case f.GetBond() == pb.Friend_ASKED_BY:
			candidate = f.GetPlayer()
		case f.GetPresence() != pb.Friend_OFFLINE:
			friend = f.GetPlayer()
		}
	}
	if candidate > 0 {
		// He may have too many friends, or be blocked.
		_, _, err := tryAsk[*pb.AddFriendReply](r, ctx, "world.befriend", &pb.AddFriend{Player: candidate},
			fault.FailedPrecondition, fault.Forbidden, fault.NotFound, fault.RateLimited)
		if err != nil {
			return err
		}
	}
	if friend == 0 {
		return nil
	}
	// He may have gone by now, or hear too much.
	_, _, err = tryAsk[*pb.SendChatReply](r, ctx, "world.chat", &pb.SendChat{To: friend, Text: "Hello"}, fault.FailedPrecondition, fault.RateLimited)
	return err
}

// tryAsk is ask for what the server may well refuse: a refusal with one of those codes is no error, and nothing is done.
func tryAsk[R proto.Message](r *robot, ctx context.Context, name string, m proto.Message, fine ...fault.Code) (reply R, done bool, err error) {
	refused := false
	reply, err = timed(r.tally, ctx, name, func(ctx context.Context) (R, error) {
		reply, err := client.Request[R](ctx, r.conn, m)
		if refused = slices.Contains(fine, fault.CodeOf(err)); refused {
			err = nil
		}
		return reply, err
	})
	return reply, err == nil && !refused, err
}

// checkOnce holds it against the server when an operation that was asked for twice is in the ledger twice or, if it must be there, not at all.
func (r *robot) checkOnce(ctx context.Context, key string, must bool) error {
	reply, err := ask[*pb.GetLedgerReply](r, ctx, "world.ledger", &pb.GetLedger{Limit: ledgerPage})
	if err != nil {
		return err
	}
	times := map[string]int{}
	for _, e := range reply.GetEntries() {
		if e.GetKey() == key {
			times[e.GetAsset()]++
		}
	}
	var broken error
	if must && len(times) == 0 {
		broken = fmt.Errorf("player %d: %s was done, and is not in the ledger", r.player, key)
	}
	for asset, n := range times {
		if n > 1 {
			broken = fmt.Errorf("player %d: %s gave or took %s %d times", r.player, key, asset, n)
		}
	}
	r.tally.hold(doneOnce, broken)
	return nil
}
