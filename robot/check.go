package robot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/game/pb"
)

const (
	ledgerPage = 200    // entries asked for at once
	maxLedger  = 50_000 // entries that are read for one check
	history    = 10     // newest matches among which one that has just ended must be
)

// itemAsset is how the ledger names what is no currency.
const itemAsset = "item:"

// An account is what the robot has read of its ledger: the sum of each asset up to the newest entry.
type account struct {
	newest int64
	sums   map[string]int64
	later  []*pb.LedgerEntry // those just read that are newer than what was looked for, newest first; all of them, if that is not there: a match may give nothing
}

// against says how what a player was told to have differs from the ledger, now or at any moment since what was looked for: the end of another match, say, may come
// late, and after he was told. "" if there was a moment when it did not.
func (a account) against(told map[string]int64) string {
	now := differ(told, a.sums)
	sums := maps.Clone(a.sums)
	for i, e := range a.later {
		if (i == 0 || e.GetKey() != a.later[i-1].GetKey()) && differ(told, sums) == "" {
			return ""
		}
		sums[e.GetAsset()] -= e.GetAmount()
	}
	if differ(told, sums) == "" {
		return ""
	}
	return now
}

// checkMatch holds what the robot was told at the end of a match against its account statement and its history.
func (r *robot) checkMatch(ctx context.Context, ended *pb.MatchEnded) error {
	if err := r.checkLedger(ctx, ended); err != nil {
		return err
	}
	reply, err := ask[*pb.GetMatchesReply](r, ctx, "world.matches", &pb.GetMatches{Limit: history})
	if err != nil {
		return err
	}
	r.tally.hold(historyTold, r.inHistory(reply.GetMatches(), ended.GetResult()))
	return nil
}

func (r *robot) inHistory(matches []*pb.MatchResult, told *pb.MatchResult) error {
	i := slices.IndexFunc(matches, func(m *pb.MatchResult) bool { return m.GetMatch() == told.GetMatch() })
	if i < 0 {
		return fmt.Errorf("player %d: match %d is not among his last %d", r.player, told.GetMatch(), history)
	}
	if kept := matches[i]; !proto.Equal(kept, told) {
		return fmt.Errorf("player %d was told of match %d: {%v}, and the history has {%v}", r.player, told.GetMatch(), told, kept)
	}
	return nil
}

// checkLedger reads only what is new in the ledger. When that does not add up it reads everything, before it says so: nodes number entries by
// their own clocks, so one may have come in behind those that were read.
func (r *robot) checkLedger(ctx context.Context, ended *pb.MatchEnded) error {
	key := fmt.Sprintf("match:%d", ended.GetResult().GetMatch())
	for {
		fresh, rewarded, err := r.readLedger(ctx, key)
		if broken := (*notDescending)(nil); errors.As(err, &broken) {
			r.tally.hold(walletIsLedger, fmt.Errorf("player %d: %w", r.player, err))
			return nil
		}
		if err != nil {
			return err
		}
		wallet := fresh.against(holdings(ended.GetProfile()))
		reward := differ(ended.GetResult().GetReward(), rewarded)
		if (wallet != "" || reward != "") && r.account.newest != 0 {
			r.account = account{}
			continue
		}
		var broken error
		if wallet != "" {
			broken = fmt.Errorf("player %d: wallet and ledger differ: %s", r.player, wallet)
		}
		r.tally.hold(walletIsLedger, broken)
		broken = nil
		if reward != "" {
			broken = fmt.Errorf("player %d: the reward of match %d and the ledger differ: %s", r.player, ended.GetResult().GetMatch(), reward)
		}
		r.tally.hold(rewardOnce, broken)
		r.tally.hold(ledgerBalanced, r.inDebt(fresh.sums))
		r.account = fresh
		return nil
	}
}

// inDebt says of which asset the player has less than nothing.
func (r *robot) inDebt(sums map[string]int64) error {
	for _, asset := range slices.Sorted(maps.Keys(sums)) {
		if sums[asset] < 0 {
			return fmt.Errorf("player %d has %d %s by the ledger", r.player, sums[asset], asset)
		}
	}
	return nil
}

// readLedger reads the entries after the account's newest one, and returns the account with them, and what those of the key add up to.
func (r *robot) readLedger(ctx context.Context, key string) (fresh account, rewarded map[string]int64, err error) {
	fresh = account{newest: r.account.newest, sums: maps.Clone(r.account.sums)}
	if fresh.sums == nil {
		fresh.sums = map[string]int64{}
	}
	rewarded = map[string]int64{}
	for before, read := int64(0), 0; ; {
		reply, err := ask[*pb.GetLedgerReply](r, ctx, "world.ledger", &pb.GetLedger{Limit: ledgerPage, Before: before})
		if err != nil {
			return account{}, nil, err
		}
		for _, e := range reply.GetEntries() {
			switch {
			case e.GetId() <= 0 || before != 0 && e.GetId() >= before:
				return account{}, nil, &notDescending{id: e.GetId(), before: before}
			case e.GetId() <= r.account.newest:
				return fresh, rewarded, nil
			}
			before = e.GetId()
			fresh.newest = max(fresh.newest, before)
			fresh.sums[e.GetAsset()] += e.GetAmount()
			switch {
			case e.GetKey() == key:
				rewarded[e.GetAsset()] += e.GetAmount()
			case len(rewarded) == 0:
				fresh.later = append(fresh.later, e)
			}
		}
		if len(reply.GetEntries()) < ledgerPage {
			return fresh, rewarded, nil
		}
		if read += len(reply.GetEntries()); read >= maxLedger {
			err := fault.Errorf(fault.TooLarge, "the ledger has over %d entries, and was not checked", maxLedger)
			r.tally.wait("check.ledger", 0, err)
			return account{}, nil, err
		}
	}
}

// notDescending says that a ledger has entries twice or out of order.
type notDescending struct{ id, before int64 }

func (e *notDescending) Error() string {
	return fmt.Sprintf("the ledger has entry %d behind entry %d, and should have the newest first", e.id, e.before)
}

// holdings is everything that a player has, by asset.
func holdings(p *pb.Profile) map[string]int64 {
	all := maps.Clone(p.GetWallet())
	if all == nil {
		all = map[string]int64{}
	}
	for _, i := range p.GetItems() {
		all[itemAsset+i.GetItem()] += i.GetCount()
	}
	return all
}

// differ says of which asset there are different amounts; "" if of none.
func differ(told, ledger map[string]int64) string {
	both := maps.Clone(told)
	if both == nil {
		both = map[string]int64{}
	}
	maps.Copy(both, ledger)
	for _, asset := range slices.Sorted(maps.Keys(both)) {
		if told[asset] != ledger[asset] {
			return fmt.Sprintf("%d %s were told, and the ledger has %d", told[asset], asset, ledger[asset])
		}
	}
	return ""
}
