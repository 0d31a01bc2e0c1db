package account

import (
	"math"
	"time"

	"loumiao/framework/actor"
	"loumiao/framework/fault"
	"loumiao/framework/iplimit"
	"loumiao/framework/line"
	"loumiao/game/pb"
	"loumiao/game/realname"
	"loumiao/game/signin"
)

// A desk answers clients, many at a time. It keeps nothing of them.
type desk struct {
	rules  *signin.Service
	binder *signin.Binder
	limit  *iplimit.Limit
}

func (d *desk) register(ctx *actor.Context, m *pb.Register) (*pb.LoginReply, error) {
	area, err := areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	return d.enter(ctx, signin.Register{Name: m.GetName(), Password: m.GetPassword(), Area: area}, m.GetDeviceName(), m.GetPerson())
}

func (d *desk) password(ctx *actor.Context, m *pb.PasswordLogin) (*pb.LoginReply, error) {
	area, err := areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	return d.enter(ctx, signin.Password{Name: m.GetName(), Password: m.GetPassword(), Area: area}, m.GetDeviceName(), m.GetPerson())
}

func (d *desk) guest(ctx *actor.Context, m *pb.GuestLogin) (*pb.LoginReply, error) {
	area, err := areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	return d.enter(ctx, signin.Guest{Device: m.GetDevice(), Area: area}, m.GetDeviceName(), m.GetPerson())
}

func (d *desk) refresh(ctx *actor.Context, m *pb.RefreshLogin) (*pb.LoginReply, error) {
	return d.enter(ctx, signin.Refresh{Token: m.GetRefresh()}, "", nil)
}

func (d *desk) external(ctx *actor.Context, m *pb.ExternalLogin) (*pb.LoginReply, error) {
	area, err := areaOf(m.GetArea())
	if err != nil {
		return nil, err
	}
	return d.enter(ctx, signin.External{Channel: m.GetChannel(), Ticket: m.GetTicket(), Area: area}, m.GetDeviceName(), m.GetPerson())
}

func (d *desk) areas(*actor.Context, *pb.ListAreas) (*pb.ListAreasReply, error) {
	reply := &pb.ListAreasReply{}
	for _, a := range d.rules.Areas {
		reply.Areas = append(reply.Areas, &pb.AreaChoice{Id: uint32(a.ID), Name: a.Name})
	}
	return reply, nil
}

func (d *desk) enter(ctx *actor.Context, way signin.Way, device string, person *pb.Person) (*pb.LoginReply, error) {
	session, err := d.client(ctx)
	if err != nil {
		return nil, err
	}
	attempt := signin.Attempt{Way: way, Address: session.Address, Device: device}
	if person != nil {
		attempt.Person = &realname.Claim{Name: person.GetName(), Number: person.GetNumber()}
	}
	ticket, err := d.rules.Enter(ctx, attempt)
	if err != nil {
		return nil, err
	}
	return &pb.LoginReply{
		Account: ticket.Account, Player: ticket.Player, Area: uint32(ticket.Area), Token: ticket.Token,
		ExpiresInSeconds: uint32(ticket.ExpiresIn / time.Second), Refresh: ticket.Refresh,
	}, nil
}

// client is who asks, unless their address asks too often.
func (d *desk) client(ctx *actor.Context) (*line.Session, error) {
	session := line.SessionOf(ctx)
	if session == nil {
		return nil, fault.New(fault.Forbidden, "only clients may ask this")
	}
	if wait, ok := d.limit.Allow(session.Address); !ok {
		return nil, fault.Errorf(fault.RateLimited, "too many requests; try again in %v", max(time.Second, wait.Round(time.Second)))
	}
	return session, nil
}

func areaOf(n uint32) (uint16, error) {
	if n > math.MaxUint16 {
		return 0, fault.Errorf(fault.NotFound, "there is no area %d", n)
	}
	return uint16(n), nil
}
