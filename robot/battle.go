package robot

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"loumiao/framework/fault"
	"loumiao/game/arena"
	"loumiao/game/pb"
	"loumiao/game/snapshot"
)

// match is one match, from asking for one to its reward.
func (r *robot) match(ctx, playing context.Context) error {
	if r.playing == nil {
		found, err := r.seek(ctx, playing)
		if err != nil || !found {
			return err
		}
	}
	r.reach(inBattle)
	ended, err := r.fight(ctx)
	if err != nil {
		return err
	}
	if ended == nil {
		return nil // the match was aborted
	}
	r.reach(finished)
	return r.checkReward(ctx, ended)
}

// seek asks for a match and waits for it; sometimes the robot thinks better of it. false: there is none after all.
func (r *robot) seek(ctx, playing context.Context) (bool, error) {
	reply, err := ask[*pb.StartMatchReply](r, ctx, "match.start", &pb.StartMatch{Mode: r.cfg.Mode})
	if err != nil {
		return false, err
	}
	began := time.Now()
	patience := matchTimeout
	moody := r.rand.IntN(10) == 0
	if moody {
		patience = time.Duration(r.rand.IntN(1500)) * time.Millisecond
	}
	for cancelled := false; ; {
		m, err := r.next(ctx, patience)
		switch {
		case fault.CodeOf(err) == fault.Deadline && moody && !cancelled:
			cancel, err := ask[*pb.CancelMatchReply](r, ctx, "match.cancel", &pb.CancelMatch{})
			if err != nil {
				return false, err
			}
			if cancel.GetCancelled() {
				return false, nil
			}
			cancelled, patience = true, matchTimeout // too late: the match is on its way
			continue
		case err != nil:
			r.tally.wait("match.wait", time.Since(began), err)
			return false, err
		}
		switch m := m.(type) {
		case *pb.MatchFound:
			r.tally.wait("match.wait", time.Since(began), nil)
			return true, r.found(m)
		case *pb.MatchAborted:
			if m.GetTicket() == reply.GetTicket() {
				return false, nil
			}
		}
	}
}

// found notes the match that the player is in now.
func (r *robot) found(m *pb.MatchFound) error {
	err := r.tally.inMatch(m.GetMatch(), r.player, m.GetPlayers())
	if err == nil && r.playing != nil && r.playing.GetMatch() != m.GetMatch() {
		err = fmt.Errorf("player %d is in match %d and told of match %d", r.player, r.playing.GetMatch(), m.GetMatch())
	}
	if err == nil && m.GetMatch() == r.ended {
		err = fmt.Errorf("player %d is told of match %d, which has ended", r.player, m.GetMatch())
	}
	r.tally.hold(oneMatch, err)
	r.playing = m
	return nil
}

// fight plays the match to its end. nil without an error: it was aborted.
func (r *robot) fight(ctx context.Context) (*pb.MatchEnded, error) {
	joined, err := ask[*pb.JoinRoomReply](r, ctx, "zone.join", &pb.JoinRoom{Room: r.playing.GetRoom()})
	if code := fault.CodeOf(err); code == fault.NotOwner || code == fault.NotFound {
		joined, err = nil, nil // the battle is over already; its result is on its way
	}
	if err != nil {
		return nil, err
	}
	b := battle{robot: r}
	if joined != nil {
		b.decoder = snapshot.NewDecoder(joined)
		b.mind = arena.NewRand(r.rand.Uint32())
	}
	began := time.Now()
	for {
		m, err := r.next(ctx, matchTimeout-time.Since(began))
		if err != nil {
			r.tally.wait("match.play", time.Since(began), err)
			return nil, err
		}
		switch m := m.(type) {
		case *pb.Snapshot:
			if err := b.see(m); err != nil {
				return nil, err
			}
		case *pb.MatchAborted:
			r.playing = nil
			return nil, nil
		case *pb.MatchEnded:
			if m.GetResult().GetMatch() != r.playing.GetMatch() {
				continue
			}
			r.tally.wait("match.play", time.Since(began), nil)
			r.ended, r.playing = m.GetResult().GetMatch(), nil
			return m, nil
		}
	}
}

// A battle is what a robot knows of the room that it is in.
type battle struct {
	robot   *robot
	decoder *snapshot.Decoder // nil when it came too late
	mind    *arena.Rand
	tick    int32
	number  uint32
	last    uint32
}

// see takes a snapshot in and answers it with what the ship does next, when that has changed or the zone wants to know what was seen.
func (b *battle) see(m *pb.Snapshot) error {
	r := b.robot
	if b.decoder == nil || m.GetRoom() != r.playing.GetRoom() {
		return nil
	}
	var broken error
	if m.GetTick() <= b.tick {
		broken = fmt.Errorf("player %d: the snapshot of tick %d comes after that of tick %d", r.player, m.GetTick(), b.tick)
	}
	r.tally.hold(orderKept, broken)
	b.tick = m.GetTick()
	if err := b.decoder.Apply(m); err != nil {
		r.tally.request("zone.snapshot", 0, err)
		return nil
	}
	input := arena.Decide(b.decoder.View(), b.mind).Pack()
	if input == b.last && b.tick%4 != 0 {
		return nil
	}
	b.last = input
	b.number++
	return r.conn.Send(&pb.RoomInput{Room: m.GetRoom(), Input: input, Number: b.number, Seen: b.decoder.Seen()})
}

// checkReward holds what the robot was told against its account statement.
func (r *robot) checkReward(ctx context.Context, ended *pb.MatchEnded) error {
	var entries []*pb.LedgerEntry
	for before := int64(0); ; {
		const page = 200
		reply, err := ask[*pb.GetLedgerReply](r, ctx, "world.ledger", &pb.GetLedger{Limit: page, Before: before})
		if err != nil {
			return err
		}
		entries = append(entries, reply.GetEntries()...)
		if len(reply.GetEntries()) < page {
			break
		}
		before = entries[len(entries)-1].GetId()
	}
	sums, rewarded := map[string]int64{}, map[string]int64{}
	key := fmt.Sprintf("match:%d", ended.GetResult().GetMatch())
	for _, e := range entries {
		sums[e.GetAsset()] += e.GetAmount()
		if e.GetKey() == key {
			rewarded[e.GetAsset()] += e.GetAmount()
		}
	}
	var broken error
	for currency, balance := range ended.GetProfile().GetWallet() {
		if sums[currency] != balance {
			broken = fmt.Errorf("player %d has %d %s, and the ledger adds up to %d", r.player, balance, currency, sums[currency])
		}
	}
	r.tally.hold(walletIsLedger, broken)

	broken = nil
	for currency, amount := range ended.GetResult().GetReward() {
		if rewarded[currency] != amount {
			broken = fmt.Errorf("player %d was told of a reward of %d %s for match %d, and the ledger has %d",
				r.player, amount, currency, ended.GetResult().GetMatch(), rewarded[currency])
		}
	}
	r.tally.hold(rewardOnce, broken)
	return nil
}

// next is the next push.
func (r *robot) next(ctx context.Context, limit time.Duration) (proto.Message, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case m := <-r.pushes:
		return m, r.lost(m)
	default:
	}
	select {
	case m := <-r.pushes:
		return m, r.lost(m)
	case <-r.conn.Done():
		return nil, r.conn.Err()
	case <-timer.C:
		return nil, fault.New(fault.Deadline, "nothing came")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
