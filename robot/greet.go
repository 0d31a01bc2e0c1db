package robot

import (
	"context"
	"fmt"
	"time"

	"loumiao/game/pb"
	"loumiao/robot/client"
)

// lookAround looks at what the game knows of the player.
func (r *robot) lookAround(ctx, _ context.Context) error {
	if _, err := ask[*pb.GetProfileReply](r, ctx, "world.profile", &pb.GetProfile{}); err != nil {
		return err
	}
	_, err := ask[*pb.GetMatchesReply](r, ctx, "world.matches", &pb.GetMatches{Limit: 10})
	return err
}

// greet sends a few greetings without waiting in between: the server's count must follow the order of sending.
func (r *robot) greet(ctx, _ context.Context) error {
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
