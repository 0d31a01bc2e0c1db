package robot

import (
	"context"
	"fmt"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/pb"
)

const rankedLook = 250 * time.Millisecond // between two looks at a ranking that is behind

// chat is a scenario: say something to all, and read what was said.
func (r *robot) chat(ctx, _ context.Context) error {
	// He may have said much already.
	_, _, err := tryAsk[*pb.SayToAllReply](r, ctx, "chat.say", &pb.SayToAll{Text: "Hello"}, fault.RateLimited)
	if err != nil {
		return err
	}
	_, err = ask[*pb.GetChatReply](r, ctx, "chat.read", &pb.GetChat{})
	return err
}

// ranking is a scenario: who has played finds himself in the ranking, with the rating that he has. It may be a moment behind.
func (r *robot) ranking(ctx, playing context.Context) error {
	profile, err := ask[*pb.GetProfileReply](r, ctx, "world.profile", &pb.GetProfile{})
	if err != nil {
		return err
	}
	rating := int64(profile.GetProfile().GetRating())
	for deadline := time.Now().Add(r.cfg.rankedIn); ; {
		reply, done, err := tryAsk[*pb.GetRankingReply](r, ctx, "ranking.read", &pb.GetRanking{Board: "rating", AroundMe: true, Limit: 10}, fault.Unavailable)
		if err != nil || !done {
			return err
		}
		is := reply.GetMe()
		if r.ended == 0 || is.GetScore() == rating && is.GetPlace() > 0 {
			if r.ended != 0 {
				r.tally.hold(rankedAsPlayed, nil)
			}
			return nil
		}
		if time.Now().After(deadline) {
			r.tally.hold(rankedAsPlayed, fmt.Errorf("player %d has a rating of %d, and the ranking has %d at place %d", r.player, rating, is.GetScore(), is.GetPlace()))
			return nil
		}
		if !sleep(playing, rankedLook) {
			return nil
		}
		if r.drain(); r.playing != nil { // which will change the rating
			return nil
		}
	}
}
