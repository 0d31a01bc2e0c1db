package world

import (
	"fmt"
	"unicode/utf8"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/game/pb"
)

// maxGreeting is how long a greeting may be, in characters.
const maxGreeting = 80

// greet is the smallest possible handler: it runs alone on its player's state, changes it, and answers.
func (p *Player) greet(ctx *actor.Context, m *pb.Greet) (*pb.GreetReply, error) {
	if n := utf8.RuneCountInString(m.GetGreeting()); n == 0 || n > maxGreeting {
		return nil, fault.Errorf(fault.Invalid, "a greeting has 1 to %d characters", maxGreeting)
	}
	p.state.Stats.Greetings++
	p.changed(ctx)
	count := p.state.Stats.Greetings
	return &pb.GreetReply{Text: fmt.Sprintf("%s, %s! That is greeting number %d.", m.GetGreeting(), p.profile.GetName(), count), Count: count}, nil
}
