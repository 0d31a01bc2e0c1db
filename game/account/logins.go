package account

import (
	"loumiao/framework/actor"
	"loumiao/game/pb"
	"loumiao/game/store/account"
)

func (d *desk) listLogins(ctx *actor.Context, _ *pb.ListLogins) (*pb.LoginsReply, error) {
	acc, err := d.owner(ctx)
	if err != nil {
		return nil, err
	}
	return logins(d.rules.Logins(ctx, acc))
}

func (d *desk) endLogin(ctx *actor.Context, m *pb.EndLogin) (*pb.LoginsReply, error) {
	acc, err := d.owner(ctx)
	if err != nil {
		return nil, err
	}
	return logins(d.rules.EndLogin(ctx, acc, m.GetId()))
}

func logins(list []account.LoginEntry, err error) (*pb.LoginsReply, error) {
	if err != nil {
		return nil, err
	}
	reply := &pb.LoginsReply{}
	for _, l := range list {
		reply.Logins = append(reply.Logins, &pb.Login{
			Id: l.ID, Way: l.Way, DeviceName: l.Device, BeganMs: millis(l.Began), UsedMs: millis(l.Used), ExpiresMs: millis(l.Expires),
		})
	}
	return reply, nil
}
