package world

import (
	"fmt"
	"math/rand/v2"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/game/api"
	"loumiao/game/area"
	"loumiao/game/pb"
	"loumiao/game/tables"
)

// dayJitter is how long after a day's beginning the last player hears of it, so that not all ask for the new offers at once.
const dayJitter = 20 * time.Second

// The counters of signing in: the days on which a player has, and whether today is one.
const signIns, signInToday = "sign_in", "sign_in:today"

func (p *Player) calendar() *area.Calendar { return p.world.design.Calendars.Of(uint16(p.area)) }

func (p *Player) today() int64 { return p.calendar().Day(p.world.now()) }

// period is the number of the current one: nothing has to happen for a new one to begin, as what was counted in another number does not count.
func (p *Player) period(of tables.Period) int64 {
	switch of {
	case tables.Day:
		return p.today()
	case tables.Week:
		return p.calendar().Week(p.world.now())
	}
	return 0
}

// newDay is told when a day has begun, and tells the client.
type newDay struct{ day int64 }

func (p *Player) newDay(ctx *actor.Context, m *newDay) error {
	if today := p.today(); today > m.day {
		p.push(&pb.DayChanged{Day: today, NextDayMs: p.calendar().NextDay(p.world.now()).UnixMilli()})
	}
	p.awaitDay(ctx)
	return nil
}

// awaitDay has the player told when the next day begins.
func (p *Player) awaitDay(ctx *actor.Context) {
	now := p.world.now()
	ctx.After(p.calendar().NextDay(now).Sub(now)+rand.N(dayJitter), &newDay{p.today()})
}

func (p *Player) getSignIn(ctx *actor.Context, _ *pb.GetSignIn) (*pb.GetSignInReply, error) {
	today := p.today()
	days, signedIn, err := p.signedIn(ctx, today)
	if err != nil {
		return nil, err
	}
	reply := &pb.GetSignInReply{Day: today, NextDayMs: p.calendar().NextDay(p.world.now()).UnixMilli(), Days: days, SignedIn: signedIn}
	if !signedIn {
		days++
	}
	reply.Reward = times(p.world.tables().SignInDay(days), 1)
	return reply, nil
}

// signedIn is on how many days the player has signed in, and whether today is one of them.
func (p *Player) signedIn(ctx *actor.Context, today int64) (days int64, already bool, err error) {
	list := &pb.ListCounters{Player: int64(p.id), Names: []string{signIns, signInToday}}
	counters, err := api.ListCounters.Call(ctx, p.world.rpc, list, p.db())
	if err != nil {
		return 0, false, err
	}
	return counters.GetCounters()[signIns].GetCount(), counters.GetCounters()[signInToday].GetPeriod() >= today, nil
}

// signIn gives today's reward, once: the day is its key.
func (p *Player) signIn(ctx *actor.Context, _ *pb.SignIn) (*pb.SignInReply, error) {
	today := p.today()
	days, already, err := p.signedIn(ctx, today)
	if err != nil {
		return nil, err
	}
	if !already {
		days++
	}
	design := p.world.tables()
	reward := design.SignInDay(days)
	if reward.Empty() {
		return nil, fault.New(fault.FailedPrecondition, "there is nothing for signing in")
	}
	op := gaining(times(reward, 1))
	op.Key, op.Reason, op.Spill = fmt.Sprintf("sign_in:%d", today), "sign_in", true
	op.Counts = []*pb.Count{{Name: signIns, Add: 1}, {Name: signInToday, Period: today, Add: 1, Most: 1}}
	r, err := p.apply(ctx, op)
	if err != nil {
		return nil, err
	}
	return &pb.SignInReply{
		Day: today, Days: r.GetCounts()[signIns], Reward: times(design.SignInDay(r.GetCounts()[signIns]), 1),
		Repeated: r.GetRepeated(), Mail: r.GetMail(), Profile: p.copyProfile(),
	}, nil
}
