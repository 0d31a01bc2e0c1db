package robot

import (
	"context"
	"fmt"
	"time"

	"loumiao/game/pb"
	"loumiao/robot/client"
)

// idle is what players do between matches: think, look around, and run errands.
func (r *robot) idle(ctx, playing context.Context) error {
	if r.playing != nil {
		return nil
	}
	if err := r.buy(ctx); err != nil {
		return err
	}
	for {
		if !sleep(playing, r.thought()) || !r.chance(r.temper.curious) {
			return nil
		}
		var err error
		switch r.rand.IntN(7) {
		case 0:
			_, err = ask[*pb.GetProfileReply](r, ctx, "world.profile", &pb.GetProfile{})
		case 1:
			_, err = ask[*pb.GetMatchesReply](r, ctx, "world.matches", &pb.GetMatches{Limit: 10})
		case 2:
			err = r.spend(ctx)
		case 3:
			err = r.socialize(ctx)
		case 4:
			err = r.claim(ctx)
		default:
			err = r.greet(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// greet sends a few greetings without waiting in between: the server's count must follow the order of sending.
func (r *robot) greet(ctx context.Context) error {
	const several = 3
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	began := time.Now()
	var waits [several]func(context.Context) (*pb.GreetReply, error)
	for i := range waits {
		var err error
		if waits[i], err = client.Start[*pb.GreetReply](r.conn, &pb.Greet{Greeting: "Hello"}); err != nil {
			r.tally.request("world.greet", 0, err)
			return err
		}
	}
	for _, wait := range waits {
		reply, err := wait(ctx)
		r.tally.request("world.greet", time.Since(began), err)
		if err != nil {
			return err
		}
		var broken error
		if count := reply.GetCount(); r.greeted != 0 && count != r.greeted+1 {
			broken = fmt.Errorf("player %d: greeting %d is counted as number %d", r.player, r.greeted+1, count)
		}
		r.tally.hold(orderKept, broken)
		r.greeted = reply.GetCount()
	}
	return nil
}
