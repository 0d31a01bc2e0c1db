package db

import (
	"context"
	"math/rand/v2"
	"time"

	"loumiao/framework/fault"
	"loumiao/framework/rpc"
	"loumiao/game/api"
	"loumiao/game/pb"
	"loumiao/game/store/player"
)

const (
	// tidyEvery is how often each db deletes what has expired.
	tidyEvery = time.Hour
	// claimAtOnce bounds the mails that one call claims, and refusedAtOnce those that it may try in vain.
	claimAtOnce, refusedAtOnce = 50, 10
)

func (d *DB) serveMails() {
	rpc.HandleFunc(d.node, api.SendMail, d.sendMail)
	rpc.HandleFunc(d.node, api.ListMails, d.listMails)
	rpc.HandleFunc(d.node, api.ReadMail, d.readMail)
	rpc.HandleFunc(d.node, api.ClaimMail, d.claimMail)
	rpc.HandleFunc(d.node, api.ClaimMails, d.claimMails)
	rpc.HandleFunc(d.node, api.DeleteMail, d.deleteMail)
}

// sendMail tells the player too, if somebody owns him.
func (d *DB) sendMail(ctx context.Context, m *pb.SendMail) (*pb.SendMailReply, error) {
	l := player.Letter{
		Key: m.GetKey(), Player: player.ID(m.GetPlayer()), Sender: m.GetSender(), Subject: m.GetSubject(), Body: m.GetBody(),
		Goods: player.Goods{Wallet: m.GetWallet(), Items: m.GetItems()}, Owed: m.GetOwed(),
	}
	if m.GetExpiresMs() != 0 {
		l.Expires = time.UnixMilli(m.GetExpiresMs())
	}
	sent, repeated, err := d.players.SendMail(ctx, l)
	if err != nil {
		return nil, err
	}
	if !repeated {
		d.tellMailed(ctx, m.GetPlayer(), sent.ID)
	}
	return &pb.SendMailReply{Mail: int64(sent.ID), Repeated: repeated}, nil
}

// welcomeKey begins the keys of mails that new players find, and the letter's id follows.
const welcomeKey = "welcome:"

// welcome is the mails of a new player, as the design tables have them now.
func (d *DB) welcome() []player.Letter {
	var letters []player.Letter
	for _, l := range d.tables().Welcome {
		letters = append(letters, player.Letter{
			Key: welcomeKey + l.ID, Sender: l.Sender, Subject: l.Subject, Body: l.Body, Goods: player.Goods{Wallet: l.Gives.Wallet, Items: l.Gives.Items},
		})
	}
	return letters
}

// tellMailed tells a player's owner of a new mail. Who does not hear of it finds it in his list.
func (d *DB) tellMailed(ctx context.Context, to int64, id player.MailID) {
	mails, _, err := d.players.Mails(ctx, player.ID(to), 1, id+1)
	if err == nil && len(mails) == 1 && mails[0].ID == id {
		err = api.PlayerMailed.Send(ctx, d.node.RPC(), &pb.PlayerMailed{Player: to, Mail: mail(mails[0])})
	}
	if err != nil && fault.CodeOf(err) != fault.NotOwner {
		d.node.Log().Debug("owner not told of a mail", "player", to, "mail", id, "err", err)
	}
}

func (d *DB) listMails(ctx context.Context, m *pb.ListMails) (*pb.GetMailsReply, error) {
	mails, unread, err := d.players.Mails(ctx, player.ID(m.GetPlayer()), int(m.GetLimit()), player.MailID(m.GetBefore()))
	if err != nil {
		return nil, err
	}
	reply := &pb.GetMailsReply{Unread: int32(unread)}
	for _, one := range mails {
		reply.Mails = append(reply.Mails, mail(one))
	}
	return reply, nil
}

func (d *DB) readMail(ctx context.Context, m *pb.PlayerMail) (*pb.ReadMailReply, error) {
	read, err := d.players.ReadMail(ctx, player.ID(m.GetPlayer()), m.GetEpoch(), player.MailID(m.GetMail()))
	if err != nil {
		return nil, err
	}
	return &pb.ReadMailReply{Mail: mail(read)}, nil
}

func (d *DB) claimMail(ctx context.Context, m *pb.PlayerMail) (*pb.ClaimedMail, error) {
	claimed, result, err := d.players.ClaimMail(ctx, player.ID(m.GetPlayer()), m.GetEpoch(), player.MailID(m.GetMail()))
	if err != nil {
		return nil, err
	}
	return &pb.ClaimedMail{Mail: mail(claimed), Result: applied(result)}, nil
}

// claimMails claims each mail by itself: one that does not fit leaves the others alone.
func (d *DB) claimMails(ctx context.Context, m *pb.PlayerMails) (*pb.ClaimedMails, error) {
	id := player.ID(m.GetPlayer())
	mails, err := d.players.Claimable(ctx, id, player.MaxMails)
	if err != nil {
		return nil, err
	}
	reply := &pb.ClaimedMails{}
	for _, mail := range mails {
		if len(reply.Left) == refusedAtOnce {
			break
		}
		if len(reply.Claimed) == claimAtOnce {
			reply.More = true
			break
		}
		_, _, err := d.players.ClaimMail(ctx, id, m.GetEpoch(), mail)
		switch code := fault.CodeOf(err); {
		case err == nil:
			reply.Claimed = append(reply.Claimed, int64(mail))
		case code == fault.FailedPrecondition:
			reply.Left = append(reply.Left, int64(mail))
		case code == fault.NotFound: // deleted or expired in this moment
		case len(reply.Claimed) == 0:
			return nil, err
		default: // what is claimed must be said; the rest can be asked for again
			reply.More = true
			return reply, nil
		}
	}
	return reply, nil
}

func (d *DB) deleteMail(ctx context.Context, m *pb.PlayerMail) (*pb.Done, error) {
	return &pb.Done{}, d.players.DeleteMail(ctx, player.ID(m.GetPlayer()), m.GetEpoch(), player.MailID(m.GetMail()), m.GetWithGoods())
}

// tidy deletes expired mails now and then, until ctx ends. Several nodes may do it at once.
func (d *DB) tidy(ctx context.Context) {
	for {
		pause := time.NewTimer(tidyEvery/2 + rand.N(tidyEvery))
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		for more := true; more && ctx.Err() == nil; {
			n, err := d.players.ExpireMails(ctx)
			if err != nil && ctx.Err() == nil {
				d.node.Log().Warn("expired mails not deleted; will try again", "err", err)
			}
			more = n > 0
		}
	}
}

func mail(m player.Mail) *pb.Mail {
	sent := &pb.Mail{
		Id: int64(m.ID), Sender: m.Sender, Subject: m.Subject, Body: m.Body, Wallet: m.Goods.Wallet, Items: m.Goods.Items,
		CreatedMs: m.Created.UnixMilli(), Read: m.Read, Claimed: m.Claimed,
	}
	if !m.Expires.IsZero() {
		sent.ExpiresMs = m.Expires.UnixMilli()
	}
	return sent
}
