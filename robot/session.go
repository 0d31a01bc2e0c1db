package robot

import (
	"context"
	"fmt"
	"time"

	"loumiao/framework/fault"
	"loumiao/game/pb"
	"loumiao/robot/client"
)

// resume is a scenario: the connection is lost, and the session goes on over another.
func (r *robot) resume(ctx, _ context.Context) error {
	r.conn.Cut()
	_, err := ask[*pb.GetProfileReply](r, ctx, "world.profile", &pb.GetProfile{}) // which waits for that
	return err
}

// double is a scenario: the player logs in on another device and plays there. The session that he had is ended.
func (r *robot) double(ctx, playing context.Context) error {
	before := r.conn
	r.entrance = newEntrance(r.cfg, r.tally, r.entrance.number, r.entrance.login) // the other one is still the session's
	if err := r.connect(ctx); err != nil {
		return err // the session that the robot has is ended by that
	}
	defer before.Close()
	r.entered = false
	pass, err := r.queue(ctx, playing)
	if err != nil {
		return err
	}
	if err := r.enter(ctx, pass); err != nil {
		return err
	}
	r.tally.hold(oneSession, r.replaced(ctx, before))
	r.tally.hold(orderKept, before.Disorder())
	return nil
}

// replaced is how a session is still good for something after the player has entered with another.
func (r *robot) replaced(ctx context.Context, before *client.Conn) error {
	timer := time.NewTimer(requestTimeout)
	defer timer.Stop()
	select {
	case <-before.Done():
		return nil
	case <-ctx.Done():
		return nil
	case <-timer.C:
	}
	// It may be on its way back to a gate that will tell it so.
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if _, err := client.Request[*pb.GetProfileReply](ctx, before, &pb.GetProfile{}); err == nil || fault.CodeOf(err) == fault.RateLimited {
		return fmt.Errorf("player %d has logged in again, and both sessions are answered", r.player)
	}
	return nil
}
