package robot

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	return r.claim(ctx, ctx)
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

// claim reads a mail that has something in it, takes that, deletes the mail, and asks for it yet again: whatever is asked how often, it is given once.
func (r *robot) claim(ctx, _ context.Context) error {
	list, err := ask[*pb.GetMailsReply](r, ctx, "world.mails", &pb.GetMails{Limit: 20})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list.GetMails(), func(m *pb.Mail) bool { return !m.GetClaimed() && len(m.GetWallet())+len(m.GetItems()) > 0 })
	if i < 0 {
		return nil
	}
	mail := list.GetMails()[i]
	if _, done, err := tryAsk[*pb.ReadMailReply](r, ctx, "world.read_mail", &pb.ReadMail{Mail: mail.GetId()}, fault.NotFound); !done {
		return err // it may have expired
	}
	for range 2 {
		if given, err := r.claimAtOnce(ctx, mail.GetId()); err != nil || !given {
			return err
		}
	}
	_, _, err = tryAsk[*pb.DeleteMailReply](r, ctx, "world.delete_mail", &pb.DeleteMail{Mail: mail.GetId()}, fault.NotFound)
	if err != nil {
		return err
	}
	if _, err := r.claimAtOnce(ctx, mail.GetId()); err != nil {
		return err
	}
	return r.checkClaimed(ctx, mail)
}

// claimAtOnce claims a mail twice without waiting in between. A bag may be full, and a mail expire or be deleted: then nothing is given.
func (r *robot) claimAtOnce(ctx context.Context, mail int64) (given bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	began := time.Now()
	var waits [2]func(context.Context) (*pb.ClaimMailReply, error)
	for i := range waits {
		if waits[i], err = client.Start[*pb.ClaimMailReply](r.conn, &pb.ClaimMail{Mail: mail}); err != nil {
			r.tally.request("world.claim", 0, err)
			return false, err
		}
	}
	for _, wait := range waits {
		_, err := wait(ctx)
		refused := fault.CodeOf(err) == fault.FailedPrecondition || fault.CodeOf(err) == fault.NotFound
		given = given || err == nil
		if refused {
			err = nil
		}
		r.tally.request("world.claim", time.Since(began), err)
		if err != nil {
			return false, err
		}
	}
	return given, nil
}

// checkClaimed holds it against the server when the ledger has something else of a mail that was claimed than the mail had, or the wallet something else
// than the ledger.
func (r *robot) checkClaimed(ctx context.Context, mail *pb.Mail) error {
	told := maps.Clone(mail.GetWallet())
	if told == nil {
		told = map[string]int64{}
	}
	for item, n := range mail.GetItems() {
		told[itemAsset+item] += n
	}
	for {
		profile, err := ask[*pb.GetProfileReply](r, ctx, "world.profile", &pb.GetProfile{})
		if err != nil {
			return err
		}
		fresh, given, err := r.readLedger(ctx, fmt.Sprintf("claim:%d", mail.GetId()))
		if broken := (*notDescending)(nil); errors.As(err, &broken) {
			r.tally.hold(walletIsLedger, fmt.Errorf("player %d: %w", r.player, err))
			return nil
		}
		if err != nil {
			return err
		}
		mailed, wallet := differ(told, given), fresh.against(holdings(profile.GetProfile()))
		if (mailed != "" || wallet != "") && r.account.newest != 0 { // it may stand before entries that were read
			r.account = account{}
			continue
		}
		var broken error
		if mailed != "" {
			broken = fmt.Errorf("player %d: mail %d is claimed: %s", r.player, mail.GetId(), mailed)
		}
		r.tally.hold(mailOnce, broken)
		broken = nil
		if wallet != "" {
			broken = fmt.Errorf("player %d: after mail %d, wallet and ledger differ: %s", r.player, mail.GetId(), wallet)
		}
		r.tally.hold(walletIsLedger, broken)
		r.account = fresh
		return nil
	}
}

// spend buys something that the robot can pay for, twice with the same request.
func (r *robot) spend(ctx, _ context.Context) error {
	offers, err := ask[*pb.GetOffersReply](r, ctx, "world.offers", &pb.GetOffers{})
	if err != nil || len(offers.GetOffers()) == 0 {
		return err
	}
	r.note("shop_view", nil)
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
func (r *robot) socialize(ctx, _ context.Context) error {
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
