package world

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/pb"
)

const (
	maxChat     = 200 // characters
	chatTimeout = 3 * time.Second
	// A player says one thing a second for long, and five at once; so with what he does about others, and ten. He hears twenty a second of all
	// others together: they must not be able to fill his client's queue.
	sayEvery, sayBurst, actBurst = time.Second, 5, 10
	hearEvery, hearBurst         = 50 * time.Millisecond, 40
)

// A talk bounds what a player says to others and does about them, and what he hears of them. The zero value is nothing yet.
type talk struct{ says, acts, hears *rate.Limiter }

func (t *talk) maySay(now time.Time) bool  { return allow(&t.says, sayEvery, sayBurst, now) }
func (t *talk) mayAct(now time.Time) bool  { return allow(&t.acts, sayEvery, actBurst, now) }
func (t *talk) mayHear(now time.Time) bool { return allow(&t.hears, hearEvery, hearBurst, now) }

// allow takes one from a limiter, which is made when it is first needed.
func allow(l **rate.Limiter, every time.Duration, burst int, now time.Time) bool {
	if *l == nil {
		*l = rate.NewLimiter(rate.Every(every), burst)
	}
	return (*l).AllowN(now, 1)
}

// errAway is what is said of who is not online, of another area, or does not want to hear of who asks, who is not to know which.
var errAway = fault.New(fault.FailedPrecondition, "the player cannot be reached now")

// sendChat says something to another player. His actor is asked by a courier, as it may be saying something to this one in the same moment; in the order in which it is said. What is
// said to who is away is refused and kept nowhere: who says it knows at once that it was not heard.
func (p *Player) sendChat(ctx *actor.Context, m *pb.SendChat) (*pb.SendChatReply, error) {
	if err := checkChat(m.GetText()); err != nil {
		return nil, err
	}
	if m.GetTo() == int64(p.id) {
		return nil, fault.New(fault.Invalid, "that is the player himself")
	}
	if !p.talk.maySay(p.world.now()) {
		return nil, fault.Errorf(fault.RateLimited, "too much said at once; wait %s", sayEvery)
	}
	if err := p.meet(ctx); err != nil {
		return nil, err
	}
	if p.circle.is(m.GetTo()) == pb.Friend_BLOCKED {
		return nil, fault.New(fault.FailedPrecondition, "the player has blocked the other")
	}
	told := &pb.PlayerTold{Player: m.GetTo(), Area: uint32(p.area), Chat: &pb.ChatArrived{
		From: int64(p.id), Name: p.profile.GetName(), Text: m.GetText(), SentMs: p.world.now().UnixMilli(),
	}}
	w, reply := p.world, ctx.Defer()
	if !w.courier.takeNext(speech{int64(p.id), m.GetTo()}, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, chatTimeout)
		defer cancel()
		_, err := api.PlayerTold.Call(ctx, w.rpc, told)
		switch fault.CodeOf(err) {
		case fault.NotOwner, fault.Unavailable:
			err = errAway
		}
		reply.Respond(&pb.SendChatReply{}, err)
	}) {
		reply.Respond(nil, fault.New(fault.Overloaded, "too much is being said"))
	}
	return nil, nil
}

// told is told what another player says to this one.
func (p *Player) told(ctx *actor.Context, m *pb.PlayerTold) (*pb.Done, error) {
	if err := p.holds(); err != nil {
		return nil, err
	}
	if !p.talk.mayHear(p.world.now()) {
		return nil, fault.New(fault.RateLimited, "too much is said to that player")
	}
	if err := p.meet(ctx); err != nil {
		return nil, err
	}
	if p.session == nil || uint32(p.area) != m.GetArea() || p.circle.is(m.GetChat().GetFrom()) == pb.Friend_BLOCKED {
		return nil, errAway
	}
	p.push(m.GetChat())
	return &pb.Done{}, nil
}

func checkChat(text string) error {
	if len(text) > maxChat*utf8.UTFMax || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxChat || strings.TrimSpace(text) == "" {
		return fault.Errorf(fault.Invalid, "what is said has 1 to %d characters", maxChat)
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return fault.New(fault.Invalid, "what is said has no control characters")
	}
	return nil
}
